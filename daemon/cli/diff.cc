#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "connectors/files/mapping_directory.h"
#include "core/mapping/migration_plan.h"
#include "daemon/cli/command.h"
#include "daemon/cli/facts.h"
#include "daemon/cli/format.h"
#include "daemon/cli/ids.h"
#include "daemon/cli/mapping_diff.h"
#include "daemon/cli/mapping_files.h"

namespace remapd::cli {
namespace {

// From one number to another, or that it stayed.
std::string step(std::uint64_t from, std::uint64_t to) {
  return from == to ? format_count(to) + ", as before"
                    : fmt::format("{}, before {}", format_count(to), format_count(from));
}

std::string row_text(Row row) {
  return row == kNoRow ? "-" : fmt::format("{}", row.value);
}

class DiffCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    const std::string& new_path = paths.size() > 1 ? paths[1] : paths[0];
    const auto after = open_mapping({new_path, table, Version{to}});
    if (!after) return fail(after.error());
    const auto before = open_before(*after);
    if (!before) return fail(before.error());
    const mapping::MappingInfo& a = before->view.info();
    const mapping::MappingInfo& b = after->view.info();
    if (a.table != b.table) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("one is of table \"{}\", the other of \"{}\"", a.table, b.table));
    }
    Facts facts;
    compare_headers(*before, *after, facts);
    const auto ids = compare_ids(*before, *after, console);
    if (!ids) return fail(ids.error());
    if (auto told = compare_versions(*before, *after, facts); !told) return told;
    if (*ids) add_ids(**ids, facts);
    print(facts, *ids, console);
    return {};
  }

  std::vector<std::string> paths;
  std::string table;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::string ids_path;
  bool list = false;
  bool json = false;

 private:
  // Of one path alone, the version before.
  Result<MappingFile> open_before(const MappingFile& after) const {
    Version version{from};
    if (paths.size() == 1 && from == 0) {
      version = after.view.info().parent;
      if (version == kNoVersion) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("version {} of table {} is the first: there is none before it",
                                after.view.info().version.value, after.view.info().table));
      }
    }
    return open_mapping({paths[0], table, version});
  }

  static void compare_headers(const MappingFile& before, const MappingFile& after, Facts& facts) {
    const mapping::MappingInfo& a = before.view.info();
    const mapping::MappingInfo& b = after.view.info();
    facts.add("table", b.table, "table", b.table);
    facts.add("from", a.version.value, "from",
              fmt::format("version {}, {}", a.version.value, before.path.string()));
    facts.add("to", b.version.value, "to",
              fmt::format("version {}, {}", b.version.value, after.path.string()));
    facts.add("rows", {{"from", a.rows}, {"to", b.rows}}, "rows", step(a.rows, b.rows));
    facts.add("dedicated_rows", {{"from", a.dedicated_rows}, {"to", b.dedicated_rows}},
              "dedicated rows", step(a.dedicated_rows, b.dedicated_rows));
    facts.add("ids", {{"from", before.view.ids()}, {"to", after.view.ids()}}, "known ids",
              step(before.view.ids(), after.view.ids()));
    if (a.strategy != b.strategy) {
      facts.add_text("strategy", fmt::format("{}, before {}", mapping::to_string(b.strategy),
                                             mapping::to_string(a.strategy)));
    }
    const bool same = before.view.content_hash() == after.view.content_hash();
    facts.add("same_ids_and_rows", same, "content",
              same ? "the same ids in the same rows" : "differs");
    const bool same_fallback = a.fallback == b.fallback;
    facts.add("same_fallback", same_fallback, "new ids",
              same_fallback ? "hashed to the same rows" : "hashed to other rows");
  }

  Result<std::optional<MappingDiff>> compare_ids(const MappingFile& before,
                                                 const MappingFile& after, Console& console) const {
    if (!ids_path.empty()) {
      auto ids = ids_given(console);
      if (!ids) return fail(std::move(ids).error());
      return diff_ids(before.view, after.view, std::move(*ids));
    }
    const auto old_folder = before.path.parent_path();
    const auto new_folder = after.path.parent_path();
    if (!before.manifest || !after.manifest || old_folder != new_folder) return std::nullopt;
    const auto place = examine(new_folder);
    if (!place) return fail(place.error());
    return diff_by_deltas(place->tables.front(), before.manifest->info.version,
                          after.manifest->info.version, before.view, after.view);
  }

  Result<std::vector<Id>> ids_given(Console& console) const {
    std::ifstream file;
    if (ids_path != "-") {
      file.open(ids_path);
      if (!file) return fail(ErrorCode::kIo, "--ids: cannot read " + ids_path);
    }
    std::istream& in = ids_path == "-" ? console.in : file;
    std::vector<Id> ids;
    for (auto some = read_ids(in, 4096); !some.empty(); some = read_ids(in, 4096)) {
      for (const NamedId& id : some) ids.push_back(id.id);
    }
    return ids;
  }

  // What manifest and plan of the newer version say of its predecessor.
  static Result<void> compare_versions(const MappingFile& before, const MappingFile& after,
                                       Facts& facts) {
    if (!after.manifest || after.manifest->info.parent != before.view.info().version) return {};
    facts.add("traffic_moved", after.manifest->stats.traffic_moved, "traffic moved",
              format_share(after.manifest->stats.traffic_moved));
    if (!after.manifest->blob(mapping::BlobKind::kPlan)) return {};
    const auto blob =
        files::open_blob(after.path.parent_path(), *after.manifest, mapping::BlobKind::kPlan);
    if (!blob) return fail(blob.error());
    const auto plan = mapping::decode_plan((*blob)->view());
    if (!plan) return fail(Error(plan.error()).with_context(after.path.string()));
    facts.add_json("plan_changed_rows", plan->changed.size());
    facts.add_json("plan_rows_restarted", plan->restarted.size());
    facts.add_text("migration plan", fmt::format("{} mixed anew, {} begun anew",
                                                 count_of(plan->changed.size(), "row"),
                                                 format_count(plan->restarted.size())));
    return {};
  }

  void add_ids(const MappingDiff& diff, Facts& facts) const {
    if (!ids_path.empty()) {
      facts.add("ids_compared", diff.compared, "compared", count_of(diff.compared, "given id"));
    }
    facts.add("added", diff.added.size(), "added", count_of(diff.added.size(), "id"));
    facts.add("moved", diff.moved.size(), "moved", count_of(diff.moved.size(), "id"));
    facts.add("removed", diff.removed.size(), "removed", count_of(diff.removed.size(), "id"));
    facts.add("rows_changed", diff.rows_changed, "rows changed",
              fmt::format("{} that ids came to or left", format_count(diff.rows_changed)));
  }

  void print(Facts& facts, const std::optional<MappingDiff>& diff, Console& console) const {
    if (json) {
      nlohmann::ordered_json out = facts.json();
      out["ids_complete"] = diff && ids_path.empty();
      if (diff && list) {
        for (const auto& [name, changes] : lists(*diff)) {
          nlohmann::ordered_json array = nlohmann::ordered_json::array();
          for (const IdChange& change : *changes) {
            nlohmann::ordered_json entry{{"id", change.id}};
            if (change.from != kNoRow) entry["from"] = change.from.value;
            if (change.to != kNoRow) entry["to"] = change.to.value;
            array.push_back(std::move(entry));
          }
          out[std::string(name) + "_ids"] = std::move(array);
        }
      }
      console.out << out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
      return;
    }
    console.out << facts.text();
    if (!diff) {
      console.out << "\nWhich ids changed cannot be told: artifacts do not list their ids, and the "
                     "deltas between these\nversions are not there. Name the ids to compare with "
                     "--ids FILE.\n";
    } else if (list) {
      console.out << "\nchange\tid\tfrom\tto\n";
      for (const auto& [name, changes] : lists(*diff)) {
        for (const IdChange& change : *changes) {
          console.out << name << "\t" << change.id << "\t" << row_text(change.from) << "\t"
                      << row_text(change.to) << "\n";
        }
      }
    }
  }

  static std::vector<std::pair<std::string_view, const std::vector<IdChange>*>> lists(
      const MappingDiff& diff) {
    return {{"added", &diff.added}, {"moved", &diff.moved}, {"removed", &diff.removed}};
  }
};

}  // namespace

AddedCommand add_diff(CLI::App& parent) {
  auto command = std::make_unique<DiffCommand>();
  CLI::App* const app =
      parent.add_subcommand("diff", "Show what changed from one mapping version to another");
  app->add_option("mappings", command->paths,
                  "The older mapping and the newer one: artifact files, mapping directories, or "
                  "directories of a table or version. Of one alone, its newest version is compared "
                  "with the one before it")
      ->required()
      ->expected(1, 2);
  app->add_option("--table", command->table, "The table, where there are several");
  app->add_option("--from", command->from, "The older version; without it, the one before");
  app->add_option("--to", command->to, "The newer version; without it, the newest");
  app->add_option("--ids", command->ids_path,
                  "Compare the ids of this file, separated by white space; -: standard input");
  app->add_flag("--list", command->list, "List the ids that changed, with their rows");
  app->add_flag("--json", command->json, "As JSON");
  app->footer(
      "Which ids were added, removed or moved is exact where the deltas between two versions of "
      "one\n"
      "mapping directory exist; otherwise only the ids given with --ids are compared.\n"
      "\n"
      "Examples:\n"
      "  remapd diff mappings --table item\n"
      "  remapd diff mappings/item --from 11 --to 14 --list\n"
      "  cut -f3 events.tsv | remapd diff old.remap new.remap --ids - --json");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
