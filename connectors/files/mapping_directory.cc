#include "connectors/files/mapping_directory.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "connectors/files/durable_file.h"
#include "connectors/files/mapped_blob.h"
#include "connectors/proto/manifest_codec.h"
#include "core/base/hash.h"

namespace remapd::files {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{1} << 20;
constexpr std::size_t kMaxNameBytes = 200;  // file systems take 255

}  // namespace

std::string_view blob_file(mapping::BlobKind kind) {
  switch (kind) {
    case mapping::BlobKind::kSnapshot:
      return "mapping.remap";
    case mapping::BlobKind::kDelta:
      return "delta.remap";
    case mapping::BlobKind::kPlan:
      return "plan.remap";
  }
  return "";
}

Result<fs::path> table_directory(const fs::path& root, std::string_view table) {
  std::string name;
  for (const char c : table) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || (c == '.' && !name.empty());
    if (plain) {
      name += c;
    } else {
      name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  if (name.empty() || name.size() > kMaxNameBytes) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("\"{}\" cannot be the name of a table in a directory: it must have from "
                    "1 to {} bytes, counting three for each other than A-Z a-z 0-9 _ . -",
                    table.substr(0, kMaxNameBytes), kMaxNameBytes));
  }
  return root / name;
}

std::optional<std::string> parse_table_directory(std::string_view name) {
  std::string table;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '%') {
      table += name[i];
      continue;
    }
    unsigned char byte = 0;
    const char* const digits = name.data() + i + 1;
    if (i + 2 >= name.size() || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) {
      return std::nullopt;
    }
    table += static_cast<char>(byte);
    i += 2;
  }
  // Only names that table_directory() gives: no other spelling, no leading dot.
  const auto directory = table_directory({}, table);
  if (!directory || directory->string() != name) return std::nullopt;
  return table;
}

std::string version_directory(Version version) {
  return fmt::format("v{:012}", version.value);
}

std::optional<Version> parse_version_directory(std::string_view name) {
  if (!name.starts_with('v')) return std::nullopt;
  Version version;
  const char* const end = name.data() + name.size();
  const auto [stop, status] = std::from_chars(name.data() + 1, end, version.value);
  if (status != std::errc() || stop != end || version == kNoVersion ||
      version_directory(version) != name) {
    return std::nullopt;
  }
  return version;
}

Result<std::vector<Version>> list_versions(const fs::path& table_directory) {
  std::vector<Version> versions;
  std::error_code error;
  for (fs::directory_iterator at(table_directory, error), end; !error && at != end;
       at.increment(error)) {
    const auto version = parse_version_directory(at->path().filename().string());
    if (version) versions.push_back(*version);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail(system_error(table_directory, "list", error.value()));
  }
  std::sort(versions.begin(), versions.end());
  return versions;
}

Result<mapping::Manifest> read_manifest(const fs::path& table_directory, std::string_view table,
                                        Version version) {
  const fs::path path = table_directory / version_directory(version) / kManifestFile;
  const auto bytes = read_file(path, kMaxManifestBytes);
  if (!bytes) {
    Error error = bytes.error();
    if (error.code == ErrorCode::kResource) error.code = ErrorCode::kCorrupt;  // far too large
    // A version that is there without its manifest is damaged; one that is gone is not.
    std::error_code ignored;
    if (error.code == ErrorCode::kNotFound && fs::exists(path.parent_path(), ignored)) {
      error.code = ErrorCode::kCorrupt;
    }
    return fail(std::move(error));
  }
  auto manifest = proto::manifest_from_json(as_text(*bytes));
  if (!manifest) return fail(std::move(manifest.error()).with_context(path.string()));
  if (manifest->info.table != table || manifest->info.version != version) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: it is the manifest of table {} version {}: was it moved?",
                            path.string(), manifest->info.table, manifest->info.version.value));
  }
  return manifest;
}

Result<mapping::BlobPtr> open_blob(const fs::path& table_directory,
                                   const mapping::Manifest& manifest, mapping::BlobKind kind) {
  const fs::path folder = table_directory / version_directory(manifest.info.version);
  const fs::path path = folder / blob_file(kind);
  const auto& expected = manifest.blob(kind);
  if (!expected) {
    return fail(ErrorCode::kNotFound,
                fmt::format("table {} version {} has no {}", manifest.info.table,
                            manifest.info.version.value, mapping::to_string(kind)));
  }
  auto blob = MappedBlob::open(path);
  if (!blob) {
    Error error = blob.error();
    std::error_code ignored;
    if (error.code == ErrorCode::kNotFound && fs::exists(folder, ignored)) {
      error.code = ErrorCode::kCorrupt;
    }
    return fail(std::move(error));
  }
  const ByteView bytes = (*blob)->view();
  if (bytes.size() != expected->size) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: it has {} bytes, the manifest says {}",
                                                 path.string(), bytes.size(), expected->size));
  }
  if (checksum(bytes) != expected->checksum) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: its checksum is not the manifest's: damaged", path.string()));
  }
  return mapping::BlobPtr(std::move(*blob));
}

}  // namespace remapd::files
