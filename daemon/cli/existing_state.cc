#include "daemon/cli/existing_state.h"

#include <filesystem>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "connectors/checkpoint/file_checkpoint_store.h"
#include "connectors/files/mapping_directory.h"
#include "core/pipeline/checkpoint.h"
#include "core/pipeline/engine.h"
#include "daemon/application/ports.h"

namespace remapd::cli {
namespace fs = std::filesystem;
namespace {

// Holds the header and the beginning of the engine's state, whatever the number of partitions.
constexpr std::size_t kPeekBytes = std::size_t{16} << 20;

// What is to be said of a checkpoint that can be loaded; empty: nothing.
Result<std::string> check_checkpoint(const config::Config& config, const Bytes& start) {
  ByteReader in(start);
  const auto header = pipeline::read_checkpoint_header(in);
  if (!header) return fail(header.error());
  const auto engine = config.engine_config();
  if (!engine) return fail(engine.error());
  if (auto fits = pipeline::check_saved_state(*engine, in); !fits) return fail(fits.error());
  const std::string stream = application::stream_name(config);
  if (header->source == stream) return std::string();
  return fmt::format("it is of another stream, {}: its statistics are kept, its offsets are not",
                     header->source);
}

void add_checkpoint(const config::Config& config, std::vector<Finding>& findings) {
  std::error_code ignored;
  if (config.checkpoint.dir.empty() || !fs::is_directory(config.checkpoint.dir, ignored)) return;
  Finding finding{"checkpoint in " + config.checkpoint.dir, {}, {}};
  const auto start = checkpoint::peek_newest_checkpoint(config.checkpoint.dir, kPeekBytes);
  if (!start) {
    finding.result = fail(start.error());
  } else if (start->empty()) {
    return;
  } else if (auto note = check_checkpoint(config, *start); note) {
    finding.note = std::move(*note);
  } else {
    finding.result = fail(std::move(note).error());
  }
  findings.push_back(std::move(finding));
}

// The newest version that can be read.
void add_versions(const config::Config& config, const pipeline::TableConfig& table,
                  std::vector<Finding>& findings) {
  const auto folder = files::table_directory(config.sink.directory_path, table.name);
  if (!folder) return;
  const auto versions = files::list_versions(*folder);
  if (!versions || versions->empty()) return;
  Finding finding{
      fmt::format("version {} of table {}", versions->back().value, table.name), {}, {}};
  const auto newest = files::read_manifest(*folder, table.name, versions->back());
  if (!newest) {
    finding.note = newest.error().message;  // the daemon goes on from what it can read
  } else if (newest->info.rows != table.rows) {
    finding.note = fmt::format(
        "it has {} rows, the configuration {}: trainers that serve it must be given the new budget "
        "before they can follow",
        newest->info.rows, table.rows);
  }
  findings.push_back(std::move(finding));
}

}  // namespace

std::vector<Finding> fits_existing_state(const config::Config& config) {
  std::vector<Finding> findings;
  add_checkpoint(config, findings);
  if (config.sink.kind != config::SinkKind::kDirectory) return findings;
  for (const pipeline::TableConfig& table : config.tables) add_versions(config, table, findings);
  return findings;
}

}  // namespace remapd::cli
