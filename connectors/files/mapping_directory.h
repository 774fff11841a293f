// The layout of a mapping directory, shared by the sink that writes it and the source that reads
// it.
//
//   ROOT/TABLE/epoch.json                 the claim of the instance that may publish (claim.h)
//   ROOT/TABLE/lock                       flock'd while the claim is read or changed
//   ROOT/TABLE/v000000000042/             version 42, complete once the directory has this name:
//       manifest.json                     connectors/proto/manifest_codec.h
//       mapping.remap                     snapshot artifact, if the version has one
//       delta.remap                       delta from its parent, if any
//       plan.remap                        migration plan from its parent, if any
//   ROOT/TABLE/.staging-*  .trash-*       versions being written or removed: not for readers
//
// TABLE is the table's name with every byte outside [A-Za-z0-9_.-], and a leading dot, as %XX.
// Files of a version never change. Functions are stateless and safe to call from any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/manifest.h"

namespace remapd::files {

inline constexpr std::string_view kManifestFile = "manifest.json";
inline constexpr std::string_view kEpochFile = "epoch.json";
inline constexpr std::string_view kLockFile = "lock";
inline constexpr std::string_view kStagingPrefix = ".staging-";
inline constexpr std::string_view kTrashPrefix = ".trash-";

std::string_view blob_file(mapping::BlobKind kind);

// kInvalidArgument for an empty name, or one that no file system would take.
Result<std::filesystem::path> table_directory(const std::filesystem::path& root,
                                              std::string_view table);
// The table whose directory has this name; none if no table's has.
std::optional<std::string> parse_table_directory(std::string_view name);

std::string version_directory(Version version);
std::optional<Version> parse_version_directory(std::string_view name);

// Versions whose directories exist, ascending; none if the table's directory is missing.
Result<std::vector<Version>> list_versions(const std::filesystem::path& table_directory);

// The manifest of a version. kNotFound: there is no such version, or it was removed; kCorrupt also
// when it is of another table or version than its directory.
Result<mapping::Manifest> read_manifest(const std::filesystem::path& table_directory,
                                        std::string_view table, Version version);

// A blob, mapped and verified against the manifest. kNotFound when the manifest names none or the
// version is gone; kCorrupt when the bytes are others. O(size).
Result<mapping::BlobPtr> open_blob(const std::filesystem::path& table_directory,
                                   const mapping::Manifest& manifest, mapping::BlobKind kind);

}  // namespace remapd::files
