// Mappings on disk, found by whatever path a person gives: an artifact file, a mapping directory,
// the directory of one table in it, or that of one version.
//
// A version that was published as a delta alone is put together from the newest version before it
// that has a snapshot and the deltas since. Everything is verified on the way.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/mapping/artifact.h"
#include "core/mapping/manifest.h"

namespace remapd::cli {

// The directory of one table, with the versions that are there, ascending.
struct TableVersions {
  std::filesystem::path directory;
  std::string table;
  std::vector<Version> versions;
};

// What a path is.
enum class PlaceKind : std::uint8_t {
  kFile,
  kRoot,     // a mapping directory: directories of tables
  kTable,    // the directory of one table
  kVersion,  // the directory of one version
};

struct Place {
  PlaceKind kind = PlaceKind::kFile;
  std::vector<TableVersions> tables;  // by name; kTable and kVersion: the one
  Version version = kNoVersion;       // kVersion
};

// kNotFound when there is nothing at `path`; kInvalidArgument for a directory without mappings.
Result<Place> examine(const std::filesystem::path& path);

struct MappingFile {
  mapping::BlobPtr bytes;
  mapping::ArtifactView view;                 // of `bytes`
  std::optional<mapping::Manifest> manifest;  // none of a bare artifact file
  std::filesystem::path path;                 // of the artifact, or of the version's directory
  std::size_t deltas = 0;                     // that were applied to get it
};

// Which mapping is meant.
struct MappingChoice {
  std::filesystem::path path;
  std::string table;             // empty: the only one there
  Version version = kNoVersion;  // none: the newest
};

// kInvalidArgument when the choice is not enough or names what is not there: the message lists what
// there is. kNotFound, kIo, kCorrupt, kUnsupported.
Result<MappingFile> open_mapping(const MappingChoice& choice);
// The same of a table that was found.
Result<MappingFile> open_version(const TableVersions& table, Version version);

}  // namespace remapd::cli
