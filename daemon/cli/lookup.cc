#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/cli/ids.h"
#include "daemon/cli/mapping_files.h"
#include "daemon/cli/role.h"

namespace remapd::cli {
namespace {

constexpr std::size_t kBatch = 1024;

class LookupCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    auto mapping = open_mapping({path, table, Version{version}});
    if (!mapping) return fail(std::move(mapping).error());
    if (!json) console.out << "id\trow\trole\n";
    if (!texts.empty()) {
      write(parse_ids(texts), mapping->view, console);
      return {};
    }
    for (auto ids = read_ids(console.in, kBatch); !ids.empty();
         ids = read_ids(console.in, kBatch)) {
      write(ids, mapping->view, console);
    }
    return {};
  }

  std::string path;
  std::string table;
  std::uint64_t version = 0;
  std::vector<std::string> texts;
  bool json = false;

 private:
  void write(const std::vector<NamedId>& ids, const mapping::ArtifactView& mapping,
             Console& console) const {
    std::vector<Id> values;
    for (const NamedId& id : ids) values.push_back(id.id);
    std::vector<Row> rows(ids.size());
    std::vector<Row> second_rows(ids.size());
    mapping.lookup(values, rows);
    mapping.lookup_second(values, second_rows);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::string_view role = to_string(role_of(mapping, ids[i].id, rows[i]));
      if (json) {
        nlohmann::ordered_json line{
            {"text", ids[i].text}, {"id", ids[i].id}, {"row", rows[i].value}, {"role", role}};
        if (second_rows[i] != kNoRow) line["second_row"] = second_rows[i].value;
        console.out << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
      } else {
        console.out << ids[i].text << "\t" << rows[i].value;
        if (second_rows[i] != kNoRow) console.out << "+" << second_rows[i].value;
        console.out << "\t" << role << "\n";
      }
    }
  }
};

}  // namespace

AddedCommand add_lookup(CLI::App& parent) {
  auto command = std::make_unique<LookupCommand>();
  CLI::App* const app = parent.add_subcommand("lookup", "Look up the rows of ids");
  app->add_option("mapping", command->path,
                  "An artifact file, a mapping directory, or the directory of a table or version")
      ->required();
  app->add_option("ids", command->texts,
                  "The ids; without any, they are read from standard input. A text that is not a "
                  "whole number is hashed, as in event logs");
  app->add_option("--table", command->table, "The table, where there are several");
  app->add_option("--version", command->version, "The version; without it, the newest");
  app->add_flag("--json", command->json, "One JSON object a line");
  app->footer(
      "Output: id, row and role, separated by tabs. Roles: dedicated (the id has a row of its "
      "own),\n"
      "shared (it shares its row with ids that behave alike), new (not in the mapping: hashed "
      "to\n"
      "a fallback row). Two rows \"a+b\" are to be summed (strategy double_hash).\n"
      "\n"
      "Examples:\n"
      "  remapd lookup mappings --table item 17 B00X4WHP5E\n"
      "  cut -f3 events.tsv | remapd lookup mappings/item --version 12 --json");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
