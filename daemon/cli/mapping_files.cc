#include "daemon/cli/mapping_files.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "connectors/files/durable_file.h"
#include "connectors/files/mapped_blob.h"
#include "connectors/files/mapping_directory.h"
#include "core/mapping/delta.h"

namespace remapd::cli {
namespace fs = std::filesystem;
namespace {

using mapping::BlobKind;

// None when `directory` is not that of a table.
Result<std::optional<TableVersions>> table_at(const fs::path& directory) {
  const auto table = files::parse_table_directory(directory.filename().string());
  if (!table) return std::nullopt;
  auto versions = files::list_versions(directory);
  if (!versions) return fail(versions.error());
  std::error_code ignored;
  if (versions->empty() && !fs::exists(directory / files::kEpochFile, ignored)) return std::nullopt;
  return TableVersions{directory, *table, std::move(*versions)};
}

Result<std::vector<TableVersions>> tables_in(const fs::path& root) {
  std::vector<TableVersions> tables;
  std::error_code error;
  for (fs::directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_directory()) continue;
    auto table = table_at(at->path());
    if (!table) return fail(table.error());
    if (*table) tables.push_back(std::move(**table));
  }
  if (error) return fail(files::system_error(root, "list", error.value()));
  std::sort(tables.begin(), tables.end(),
            [](const TableVersions& a, const TableVersions& b) { return a.table < b.table; });
  return tables;
}

// Without "." and "..", symbolic links and a trailing slash: so that names can be read off it.
Result<fs::path> plain_path(const fs::path& path) {
  std::error_code error;
  const fs::path canonical = fs::canonical(path, error);
  if (error) return fail(files::system_error(path, "open", error.value()));
  return canonical;
}

std::string names_of(const std::vector<TableVersions>& tables) {
  std::string names;
  for (const TableVersions& table : tables) names += (names.empty() ? "" : ", ") + table.table;
  return names;
}

Result<TableVersions> choose_table(Place place, const MappingChoice& choice) {
  if (choice.table.empty() && place.tables.size() == 1) return std::move(place.tables.front());
  if (choice.table.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: there are several tables; name one with --table: {}",
                            choice.path.string(), names_of(place.tables)));
  }
  for (TableVersions& table : place.tables) {
    if (table.table == choice.table) return std::move(table);
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: there is no table \"{}\"; there are: {}", choice.path.string(),
                          choice.table, names_of(place.tables)));
}

Result<MappingFile> open_artifact(const fs::path& path) {
  auto bytes = files::MappedBlob::open(path);
  if (!bytes) return fail(std::move(bytes).error());
  auto view = mapping::ArtifactView::open((*bytes)->view(), mapping::Verify::kAll);
  if (!view) return fail(std::move(view).error().with_context(path.string()));
  return MappingFile{*bytes, *view, std::nullopt, path, 0};
}

}  // namespace

Result<Place> examine(const fs::path& given) {
  const auto path = plain_path(given);
  if (!path) return fail(path.error());
  std::error_code ignored;
  if (!fs::is_directory(*path, ignored)) return Place{};
  const auto version = files::parse_version_directory(path->filename().string());
  if (version && fs::exists(*path / files::kManifestFile, ignored)) {
    auto table = table_at(path->parent_path());
    if (!table) return fail(table.error());
    if (*table) return Place{PlaceKind::kVersion, {std::move(**table)}, *version};
  }
  auto table = table_at(*path);
  if (!table) return fail(table.error());
  if (*table) return Place{PlaceKind::kTable, {std::move(**table)}, kNoVersion};
  auto tables = tables_in(*path);
  if (!tables) return fail(tables.error());
  if (tables->empty()) {
    return fail(ErrorCode::kInvalidArgument,
                given.string() + ": there are no mappings in this directory");
  }
  return Place{PlaceKind::kRoot, std::move(*tables), kNoVersion};
}

Result<MappingFile> open_version(const TableVersions& table, Version version) {
  // Back to the newest version with a snapshot, then forward by deltas.
  std::vector<mapping::Manifest> chain;
  for (Version at = version;;) {
    auto manifest = files::read_manifest(table.directory, table.table, at);
    if (!manifest && manifest.error().code == ErrorCode::kNotFound) {
      return fail(
          ErrorCode::kInvalidArgument,
          chain.empty()
              ? fmt::format("table {} has no version {} in {}", table.table, at.value,
                            table.directory.string())
              : fmt::format("version {} of table {} is a delta, and version {} that it "
                            "needs is no longer in {}",
                            version.value, table.table, at.value, table.directory.string()));
    }
    if (!manifest) return fail(std::move(manifest).error());
    chain.push_back(std::move(*manifest));
    if (chain.back().blob(BlobKind::kSnapshot)) break;
    const Version parent = chain.back().info.parent;
    if (parent >= at) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("table {}: version {} claims to come after version {}", table.table,
                              at.value, parent.value));
    }
    at = parent;
  }
  auto bytes = files::open_blob(table.directory, chain.back(), BlobKind::kSnapshot);
  if (!bytes) return fail(std::move(bytes).error());
  MappingFile file{.bytes = *bytes,
                   .view = {},
                   .manifest = chain.front(),
                   .path = table.directory / files::version_directory(version)};
  for (auto at = chain.rbegin();; ++at) {
    const fs::path folder = table.directory / files::version_directory(at->info.version);
    auto view = mapping::ArtifactView::open(file.bytes->view(), mapping::Verify::kAll);
    if (!view) return fail(std::move(view).error().with_context(folder.string()));
    file.view = *view;
    if (at + 1 == chain.rend()) break;
    const auto blob = files::open_blob(table.directory, *(at + 1), BlobKind::kDelta);
    if (!blob) return fail(blob.error());
    const auto delta = mapping::decode_delta((*blob)->view());
    if (!delta) return fail(Error(delta.error()).with_context(folder.string()));
    auto applied = mapping::apply_delta(file.view, *delta);
    if (!applied) return fail(std::move(applied).error().with_context(folder.string()));
    file.bytes = std::make_shared<mapping::OwnedBlob>(std::move(*applied));
    ++file.deltas;
  }
  return file;
}

Result<MappingFile> open_mapping(const MappingChoice& choice) {
  auto place = examine(choice.path);
  if (!place) return fail(std::move(place).error());
  if (place->kind == PlaceKind::kFile) {
    auto file = open_artifact(choice.path);
    if (!file) return file;
    const mapping::MappingInfo& info = file->view.info();
    if (!choice.table.empty() && choice.table != info.table) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: it is of table \"{}\", not of \"{}\"", choice.path.string(),
                              info.table, choice.table));
    }
    if (choice.version != kNoVersion && choice.version != info.version) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: it is version {}, not {}", choice.path.string(),
                              info.version.value, choice.version.value));
    }
    return file;
  }
  const Version of_path = place->version;
  auto table = choose_table(std::move(*place), choice);
  if (!table) return fail(std::move(table).error());
  if (table->versions.empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: there is no version of table {} yet",
                                                         choice.path.string(), table->table));
  }
  Version version = choice.version;
  if (version == kNoVersion) version = of_path;
  if (version == kNoVersion) version = table->versions.back();
  return open_version(*table, version);
}

}  // namespace remapd::cli
