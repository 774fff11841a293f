// EventSurvey: what the fields of a team's own events look like, and what they probably are.
//
//   1. add() records, as JSON objects or rows of columns, or reject() those that cannot be read
//   2. fields(): what was found at each path
//   3. guess(): which of them are label, time and ids, why, and which values are padding
//
// Memory: kMaxPaths paths with kMaxDistinct values each. Not thread safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/config/literal.h"

namespace remapd::cli {

struct FieldFacts {
  std::string path;
  std::uint64_t records = 0;  // that have it
  std::uint64_t values = 0;   // null and blank text excluded
  std::uint64_t integers = 0;
  std::uint64_t fractions = 0;
  std::uint64_t booleans = 0;
  std::uint64_t texts = 0;
  std::uint64_t nulls = 0;
  std::uint64_t times = 0;  // of the values, those that could be a time of 2000 to 2100
  std::uint64_t longest_text = 0;
  double least = 0;  // of the numbers
  double most = 0;
  bool in_list = false;
  std::uint64_t last_record = 0;  // the number of the last one that had it
  std::unordered_map<std::string, std::uint64_t> counts{};  // by value; the first kMaxDistinct

  std::string type() const;
  // The most frequent values, at most `n`, descending.
  std::vector<std::pair<std::string, std::uint64_t>> frequent(std::size_t n) const;
};

struct Guess {
  struct Ids {
    std::string name;
    std::string path;
    std::vector<config::Literal> ignore{};
  };
  std::string label{};
  std::vector<config::Literal> label_true{};
  std::string time{};
  std::string sample_per{};
  char list_separator = 0;  // of a log of columns: between the ids of a cell; 0: none was found
  std::vector<Ids> ids{};   // who acts is first, then the order of the fields
  std::vector<std::string> remarks{};  // why, and what was left out
};

class EventSurvey {
 public:
  static constexpr std::size_t kMaxPaths = 1'000;
  static constexpr std::size_t kMaxDistinct = 100'000;

  void add(const nlohmann::ordered_json& record);
  // Cells as text; empty ones are null.
  void add_row(const std::vector<std::string>& columns, const std::vector<std::string_view>& cells);
  void reject(std::string reason);

  std::uint64_t records() const { return records_; }
  const std::map<std::string, std::uint64_t>& rejects() const { return rejects_; }  // by reason
  std::vector<FieldFacts> fields() const;  // in the order in which they were seen
  Guess guess() const;

 private:
  void visit(const nlohmann::ordered_json& value, const std::string& path, bool in_list, int depth);
  FieldFacts* field(const std::string& path);
  const FieldFacts* guess_time() const;
  const FieldFacts* guess_label(const FieldFacts* time, Guess& guess) const;
  std::string why_no_ids(const FieldFacts& facts) const;
  void note_padding(const FieldFacts& facts, Guess::Ids& ids, Guess& guess) const;
  char guess_separator(const std::vector<const FieldFacts*>& columns) const;
  void note_text(FieldFacts& facts, std::string_view text);
  static void note_number(FieldFacts& facts, double value, bool whole);

  std::uint64_t records_ = 0;
  bool columns_ = false;  // records were rows
  std::vector<FieldFacts> fields_;
  std::unordered_map<std::string, std::size_t> at_;  // by path
  std::map<std::string, std::uint64_t> rejects_;
};

}  // namespace remapd::cli
