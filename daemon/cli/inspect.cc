#include <algorithm>
#include <filesystem>
#include <ostream>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "connectors/checkpoint/file_checkpoint_store.h"
#include "connectors/files/mapped_blob.h"
#include "connectors/files/mapping_directory.h"
#include "core/base/hash.h"
#include "core/mapping/artifact.h"
#include "core/mapping/delta.h"
#include "core/mapping/migration_plan.h"
#include "core/pipeline/checkpoint.h"
#include "daemon/cli/command.h"
#include "daemon/cli/facts.h"
#include "daemon/cli/format.h"
#include "daemon/cli/mapping_files.h"
#include "daemon/cli/mapping_report.h"

namespace remapd::cli {
namespace {

namespace fs = std::filesystem;
using mapping::BlobKind;

double per_id(std::uint64_t bytes, std::uint64_t ids) {
  return ids == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(ids);
}

void add_kind(const mapping::ArtifactView& view, Facts& facts) {
  const std::string kind(to_string(view.kind()));
  facts.add("artifact", kind, "artifact", kind);
}

void add_artifact(const mapping::ArtifactView& view, std::uint64_t bytes, Facts& facts) {
  facts.add_json("kind", "artifact");
  add_kind(view, facts);
  add_info(view.info(), facts);
  facts.add("ids", view.ids(), "ids", format_count(view.ids()));
  facts.add("bytes", bytes, "size",
            view.ids() == 0 ? format_bytes(bytes)
                            : fmt::format("{}, {:.1f} bytes an id", format_bytes(bytes),
                                          per_id(bytes, view.ids())));
  facts.add("content_hash", format_hash(view.content_hash()), "content hash",
            format_hash(view.content_hash()));
}

Result<Facts> inspect_artifact(ByteView bytes) {
  auto view = mapping::ArtifactView::open(bytes, mapping::Verify::kAll);
  if (!view) return fail(std::move(view).error());
  Facts facts;
  facts.add_text("what", "mapping artifact; checksums hold");
  add_artifact(*view, bytes.size(), facts);
  return facts;
}

Result<Facts> inspect_delta(ByteView bytes) {
  auto delta = mapping::decode_delta(bytes);
  if (!delta) return fail(std::move(delta).error());
  Facts facts;
  facts.add_text("what", "mapping delta; checksum holds");
  facts.add_json("kind", "delta");
  add_info(delta->to, facts);
  facts.add("ids", delta->ids, "ids", format_count(delta->ids) + " after it is applied");
  facts.add("added", delta->added.size(), "added", count_of(delta->added.size(), "id"));
  facts.add("moved", delta->moved.size(), "moved", count_of(delta->moved.size(), "id"));
  facts.add("removed", delta->removed.size(), "removed", count_of(delta->removed.size(), "id"));
  facts.add("bytes", bytes.size(), "size", format_bytes(bytes.size()));
  facts.add("content_hash", format_hash(delta->content_hash), "content hash",
            format_hash(delta->content_hash) + " after it is applied");
  return facts;
}

void add_plan(const mapping::MigrationPlan& plan, Facts& facts) {
  std::size_t carried = 0;
  for (const mapping::StateRule rule : plan.state) {
    carried += rule == mapping::StateRule::kCarry ? 1 : 0;
  }
  facts.add("changed_rows", plan.changed.size(), "changed rows",
            fmt::format("{} of {}, made of {}", format_count(plan.changed.size()),
                        format_count(plan.to_rows), count_of(plan.sources.size(), "old row")));
  facts.add("state_carried", carried, "optimiser state",
            fmt::format("carried for {}, reset for the others", count_of(carried, "row")));
  facts.add("rows_restarted", plan.restarted.size(), "rows begun anew",
            fmt::format("{}, from {}", format_count(plan.restarted.size()),
                        plan.restart_sources.empty()
                            ? "zero"
                            : "a mean of " + count_of(plan.restart_sources.size(), "row")));
}

Result<Facts> inspect_plan(ByteView bytes) {
  auto plan = mapping::decode_plan(bytes);
  if (!plan) return fail(std::move(plan).error());
  Facts facts;
  facts.add_text("what", "migration plan; checksum holds");
  facts.add_json("kind", "plan");
  facts.add("table", plan->table, "table", plan->table);
  facts.add_json("from", plan->from.value);
  facts.add_json("to", plan->to.value);
  facts.add_text("versions", plan->from == kNoVersion
                                 ? fmt::format("to {}, from plain hashing", plan->to.value)
                                 : fmt::format("from {} to {}", plan->from.value, plan->to.value));
  add_plan(*plan, facts);
  facts.add("bytes", bytes.size(), "size", format_bytes(bytes.size()));
  return facts;
}

Result<Facts> inspect_checkpoint(const fs::path& path) {
  auto file = checkpoint::read_checkpoint_file(path);
  if (!file) return fail(std::move(file).error());
  ByteReader in(file->payload);
  auto header = pipeline::read_checkpoint_header(in);
  if (!header) return fail(std::move(header).error().with_context(path.string()));
  Facts facts;
  facts.add_text("what", "checkpoint; checksum holds");
  facts.add_json("kind", "checkpoint");
  facts.add("sequence", file->sequence, "number", fmt::format("{}", file->sequence));
  facts.add("saved_ms", header->saved_ms, "saved", format_time(header->saved_ms));
  facts.add("source", header->source, "stream", header->source);
  facts.add("samples", header->samples, "samples", format_count(header->samples));
  nlohmann::ordered_json offsets = nlohmann::ordered_json::array();
  for (const pipeline::PartitionOffset& offset : header->offsets) {
    offsets.push_back({{"partition", offset.partition}, {"next_offset", offset.next_offset}});
    facts.add_text(fmt::format("partition {}", offset.partition),
                   fmt::format("goes on at offset {}", offset.next_offset));
  }
  facts.add_json("offsets", offsets);
  nlohmann::ordered_json tables = nlohmann::ordered_json::array();
  for (const pipeline::TableProgress& table : header->tables) {
    tables.push_back({{"table", table.table},
                      {"version", table.version.value},
                      {"due_at", table.schedule.due_at},
                      {"frozen", table.frozen}});
    facts.add_text(
        "table " + table.table,
        fmt::format("version {}; the next is due at {} samples{}", table.version.value,
                    format_count(table.schedule.due_at), table.frozen ? "; frozen" : ""));
  }
  facts.add_json("tables", tables);
  facts.add("state_bytes", in.remaining(), "state", format_bytes(in.remaining()));
  return facts;
}

Result<Facts> inspect_file(const fs::path& path) {
  const auto blob = files::MappedBlob::open(path);
  if (!blob) return fail(blob.error());
  const ByteView bytes = (*blob)->view();
  const std::string_view magic = as_text(bytes.first(std::min<std::size_t>(bytes.size(), 8)));
  Result<Facts> facts;
  if (magic == "rmpdckpt") {
    return inspect_checkpoint(path);
  } else if (magic == "RMPDDELT") {
    facts = inspect_delta(bytes);
  } else if (magic == "RMPDPLAN") {
    facts = inspect_plan(bytes);
  } else if (magic == "RMPDMAP1") {
    facts = inspect_artifact(bytes);
  } else {
    return fail(ErrorCode::kCorrupt,
                path.string() +
                    ": it is no mapping artifact, delta, migration plan or checkpoint: "
                    "its first bytes are others");
  }
  if (!facts) return fail(std::move(facts).error().with_context(path.string()));
  return facts;
}

Result<Facts> inspect_version(const TableVersions& table, Version version) {
  const auto manifest = files::read_manifest(table.directory, table.table, version);
  if (!manifest) return fail(manifest.error());
  // Verifies the snapshot, or the whole chain that leads to a delta.
  const auto mapping = open_version(table, version);
  if (!mapping) return fail(mapping.error());
  Facts facts;
  facts.add_text("what", "mapping version; all checksums hold");
  facts.add_json("kind", "version");
  add_info(manifest->info, facts);
  add_kind(mapping->view, facts);
  facts.add("instance", manifest->instance, "published by", manifest->instance);
  if (manifest->rollback_of != kNoVersion) {
    facts.add("rollback_of", manifest->rollback_of.value, "goes back to",
              fmt::format("version {}", manifest->rollback_of.value));
  }
  facts.add("built_samples", manifest->built_samples, "built after",
            count_of(manifest->built_samples, "sample"));
  facts.add("ids", manifest->ids, "ids", format_count(manifest->ids));
  facts.add("content_hash", format_hash(manifest->content_hash), "content hash",
            format_hash(manifest->content_hash));
  add_stats(manifest->stats, facts);
  nlohmann::ordered_json blobs = nlohmann::ordered_json::object();
  for (std::size_t kind = 0; kind < mapping::kBlobKinds; ++kind) {
    const auto& info = manifest->blobs[kind];
    if (!info) continue;
    const std::string name(mapping::to_string(static_cast<BlobKind>(kind)));
    blobs[name] = {{"bytes", info->size}, {"checksum", format_hash(info->checksum)}};
    facts.add_text(name, format_bytes(info->size));
  }
  facts.add_json("blobs", blobs);
  if (manifest->blob(BlobKind::kPlan)) {
    const auto blob = files::open_blob(table.directory, *manifest, BlobKind::kPlan);
    if (!blob) return fail(blob.error());
    const auto plan = mapping::decode_plan((*blob)->view());
    if (!plan) return fail(Error(plan.error()).with_context(mapping->path.string()));
    add_plan(*plan, facts);
  }
  return facts;
}

class InspectCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    const auto place = examine(path);
    if (!place) return fail(place.error());
    if (place->kind == PlaceKind::kRoot || place->kind == PlaceKind::kTable) {
      return list(*place, console);
    }
    const auto facts = place->kind == PlaceKind::kFile
                           ? inspect_file(path)
                           : inspect_version(place->tables.front(), place->version);
    if (!facts) return fail(facts.error());
    if (json) {
      console.out << facts->json().dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                  << "\n";
    } else {
      console.out << facts->text();
    }
    return {};
  }

  std::string path;
  bool json = false;

 private:
  // The newest version of each table, or all versions of one.
  Result<void> list(const Place& place, Console& console) const {
    TextTable text = version_table();
    nlohmann::ordered_json versions = nlohmann::ordered_json::array();
    for (const TableVersions& table : place.tables) {
      const bool all = place.kind == PlaceKind::kTable;
      const std::size_t first = all || table.versions.empty() ? 0 : table.versions.size() - 1;
      for (std::size_t i = first; i < table.versions.size(); ++i) {
        const auto manifest = files::read_manifest(table.directory, table.table, table.versions[i]);
        if (!manifest) return fail(manifest.error());
        // O(size): what is listed as there can be used.
        const auto mapping = open_version(table, table.versions[i]);
        if (!mapping) return fail(mapping.error());
        std::uint64_t bytes = 0;
        for (const auto& blob : manifest->blobs) bytes += blob ? blob->size : 0;
        add_version_row(manifest->info, manifest->stats, bytes, text);
        Facts facts;
        add_info(manifest->info, facts);
        facts.add_json("ids", manifest->ids);
        facts.add_json("built_samples", manifest->built_samples);
        facts.add_json("bytes", bytes);
        facts.add_json("snapshot", manifest->blob(BlobKind::kSnapshot).has_value());
        add_stats(manifest->stats, facts);
        versions.push_back(facts.json());
      }
    }
    if (json) {
      console.out << nlohmann::ordered_json{{"kind", "directory"}, {"versions", versions}}.dump(
                         2, ' ', false, nlohmann::json::error_handler_t::replace)
                  << "\n";
      return {};
    }
    if (text.empty()) {
      console.out << "no version has been published yet\n";
    } else {
      console.out << text.to_string() << "\nall checksums hold\n";
    }
    return {};
  }
};

}  // namespace

AddedCommand add_inspect(CLI::App& parent) {
  auto command = std::make_unique<InspectCommand>();
  CLI::App* const app =
      parent.add_subcommand("inspect", "Describe and verify what remapd has written");
  app->add_option("path", command->path,
                  "A mapping directory, the directory of a table or version in it, or a file: "
                  "artifact, delta, migration plan, checkpoint")
      ->required();
  app->add_flag("--json", command->json, "As JSON");
  app->footer(
      "Whatever is shown has been verified: a damaged file is an error (exit code 1) that names "
      "it.\n"
      "\n"
      "Examples:\n"
      "  remapd inspect mappings                              the newest version of each table\n"
      "  remapd inspect mappings/item                         all versions of one\n"
      "  remapd inspect mappings/item/v000000000012           one version\n"
      "  remapd inspect checkpoints/checkpoint-00000000000000000042.remapd");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
