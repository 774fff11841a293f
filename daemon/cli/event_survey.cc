#include "daemon/cli/event_survey.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "connectors/decode/field_path.h"
#include "core/fields/text.h"
#include "core/fields/time_rule.h"

namespace remapd::cli {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 16;
constexpr std::int64_t kYear2000 = 946'684'800'000;
constexpr std::int64_t kYear2100 = 4'102'444'800'000;
constexpr std::size_t kMaxReasons = 100;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// The last name of a path: "items[].id" is "id".
std::string last_name(const std::string& path) {
  const auto paths = decode::parse_field_path(path);
  if (!paths) return path;
  for (auto step = paths->front().rbegin(); step != paths->front().rend(); ++step) {
    if (!step->each()) return step->name;
  }
  return path;
}

// Whether a name is, or is made of words one of which is, among `words`.
bool has_word(const std::string& name, std::initializer_list<std::string_view> words) {
  std::string word;
  const auto known = [&] { return std::find(words.begin(), words.end(), word) != words.end(); };
  char before = 0;
  for (const char c : name) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    const bool hump = std::isupper(static_cast<unsigned char>(c)) != 0 &&
                      std::islower(static_cast<unsigned char>(before)) != 0;
    if (!letter || hump) {
      if (known()) return true;
      word.clear();
    }
    if (letter) word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    before = c;
  }
  return known();
}

bool could_be_time(std::optional<std::int64_t> ms) {
  return ms && *ms > kYear2000 && *ms < kYear2100;
}

bool is_positive_word(std::string_view value) {
  static constexpr std::array<std::string_view, 18> kWords = {
      "click",   "clicked",    "buy",         "bought",    "purchase",   "purchased",
      "order",   "like",       "liked",       "save",      "play",       "watch",
      "convert", "conversion", "add_to_cart", "addtocart", "transaction"};
  const std::string word = lower(value);
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

bool is_padding(std::string_view value) {
  static constexpr std::array<std::string_view, 9> kWords = {
      "0", "-1", "null", "none", "nan", "unknown", "undefined", "n/a", "\\n"};
  const std::string word = lower(value);
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

config::Literal literal_of(const std::string& value) {
  if (const auto integer = fields::integer_of_text(value)) return *integer;
  return value;
}

// The list that a path goes through last, as a path; empty: none.
std::string list_of(const std::string& path) {
  const std::size_t at = path.rfind("[].");
  return at == std::string::npos ? "" : path.substr(0, at);
}

}  // namespace

std::string FieldFacts::type() const {
  std::string out;
  const auto add = [&](std::uint64_t n, const char* name) {
    if (n > 0) out += (out.empty() ? "" : ", ") + std::string(name);
  };
  add(integers, "integer");
  add(fractions, "fraction");
  add(booleans, "boolean");
  add(texts, "text");
  if (out.empty()) out = "null";
  return in_list ? "list of " + out : out;
}

std::vector<std::pair<std::string, std::uint64_t>> FieldFacts::frequent(std::size_t n) const {
  std::vector<std::pair<std::string, std::uint64_t>> out(counts.begin(), counts.end());
  n = std::min(n, out.size());
  std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n), out.end(),
                    [](const auto& a, const auto& b) {
                      return a.second != b.second ? a.second > b.second : a.first < b.first;
                    });
  out.resize(n);
  return out;
}

FieldFacts* EventSurvey::field(const std::string& path) {
  const auto [known, is_new] = at_.try_emplace(path, fields_.size());
  if (is_new) {
    if (fields_.size() == kMaxPaths) {
      at_.erase(known);
      return nullptr;
    }
    fields_.push_back({.path = path});
  }
  FieldFacts& facts = fields_[known->second];
  if (facts.last_record != records_) {
    facts.last_record = records_;
    ++facts.records;
  }
  return &facts;
}

void EventSurvey::note_number(FieldFacts& facts, double value, bool whole) {
  const bool first = facts.integers + facts.fractions == 0;
  facts.least = first ? value : std::min(facts.least, value);
  facts.most = first ? value : std::max(facts.most, value);
  ++(whole ? facts.integers : facts.fractions);
  // Seconds of this century, or the same in smaller units; below that it is a number like others.
  if (value > 9e8 && could_be_time(fields::time_ms_of_number(value))) ++facts.times;
}

void EventSurvey::note_text(FieldFacts& facts, std::string_view text) {
  ++facts.texts;
  facts.longest_text = std::max<std::uint64_t>(facts.longest_text, text.size());
  if (!fields::number_of_text(text) && could_be_time(fields::time_ms_of_text(text))) ++facts.times;
}

void EventSurvey::visit(const json& value, const std::string& path, bool in_list, int depth) {
  if (depth > kMaxDepth) return;
  if (value.is_object()) {
    for (const auto& [name, inner] : value.items()) {
      const std::string step = decode::path_of_name(name);
      visit(inner, path.empty() ? step : path + "." + step, in_list, depth + 1);
    }
    return;
  }
  if (value.is_array()) {
    for (const json& inner : value) visit(inner, path + "[]", true, depth + 1);
    return;
  }
  FieldFacts* const facts = field(path);
  if (facts == nullptr) return;
  facts->in_list = in_list;
  std::string text;
  if (value.is_string()) {
    text = fields::without_blanks(value.get_ref<const std::string&>());
  } else if (!value.is_null()) {
    text = value.dump();
  }
  if (text.empty()) {
    ++facts->nulls;
    return;
  }
  ++facts->values;
  if (value.is_boolean()) {
    ++facts->booleans;
  } else if (value.is_number()) {
    const auto number = value.get<double>();
    note_number(*facts, number, value.is_number_integer() || number == std::floor(number));
  } else {
    note_text(*facts, text);
  }
  if (const auto known = facts->counts.find(text); known != facts->counts.end()) {
    ++known->second;
  } else if (facts->counts.size() < kMaxDistinct) {
    facts->counts.emplace(std::move(text), 1);
  }
}

void EventSurvey::add(const json& record) {
  ++records_;
  visit(record, "", false, 0);
}

void EventSurvey::add_row(const std::vector<std::string>& columns,
                          const std::vector<std::string_view>& cells) {
  json row = json::object();
  for (std::size_t c = 0; c < columns.size() && c < cells.size(); ++c) {
    const std::string_view cell = fields::without_blanks(cells[c]);
    if (const auto integer = fields::integer_of_text(cell)) {
      row[columns[c]] = *integer;
    } else if (const auto number = fields::number_of_text(cell)) {
      row[columns[c]] = *number;
    } else {
      row[columns[c]] = std::string(cell);
    }
  }
  add(row);
}

void EventSurvey::reject(std::string reason) {
  if (rejects_.size() < kMaxReasons || rejects_.contains(reason)) ++rejects_[std::move(reason)];
}

std::vector<FieldFacts> EventSurvey::fields() const {
  return fields_;
}

Guess EventSurvey::guess() const {
  Guess guess;
  // Time: all values could be one; a name that says so is preferred, then the first.
  const FieldFacts* time = nullptr;
  const auto names_time = [](const FieldFacts& facts) {
    return has_word(last_name(facts.path),
                    {"ts", "time", "timestamp", "date", "at", "ms", "datetime"});
  };
  for (const FieldFacts& facts : fields_) {
    if (facts.values == 0 || facts.times < facts.values || facts.in_list) continue;
    if (time == nullptr || (names_time(facts) && !names_time(*time))) time = &facts;
  }
  if (time != nullptr) guess.time = time->path;

  // Label: two values by a telling name, then positive words of an event's kind, then stars.
  const FieldFacts* label = nullptr;
  int best = 0;
  for (const FieldFacts& facts : fields_) {
    if (facts.values == 0 || &facts == time) continue;
    const std::string name = last_name(facts.path);
    const bool named = has_word(name, {"label", "target", "click", "clicked", "converted",
                                       "conversion", "liked", "purchased", "bought", "y"});
    const bool numbers =
        facts.texts == 0 && facts.least >= 0 && facts.most <= 1 && facts.counts.size() <= 2;
    const bool positive_words =
        facts.texts == facts.values && facts.counts.size() <= 50 &&
        std::any_of(facts.counts.begin(), facts.counts.end(),
                    [](const auto& count) { return is_positive_word(count.first); });
    const bool stars = facts.texts == 0 && facts.booleans == 0 && facts.least >= 0 &&
                       facts.most <= 10 && facts.most > 1 && facts.counts.size() <= 21 &&
                       has_word(name, {"rating", "stars", "score"});
    int score = 0;
    if (numbers && named) score = 5;
    if (positive_words && score == 0) score = 4;
    if (stars && score == 0) score = 3;
    if (numbers && facts.booleans == facts.values && score == 0) score = 2;
    if (score > best) {
      best = score;
      label = &facts;
    }
  }
  if (label != nullptr) {
    guess.label = label->path;
    if (best == 4) {
      for (const auto& [value, n] : label->frequent(label->counts.size())) {
        if (is_positive_word(value)) guess.label_true.emplace_back(value);
      }
    } else if (best == 3) {
      for (const auto& [value, n] : label->counts) {
        const auto number = fields::number_of_text(value);
        if (number && *number >= 0.8 * label->most) guess.label_true.push_back(literal_of(value));
      }
      std::sort(guess.label_true.begin(), guess.label_true.end());
      guess.remarks.push_back(fmt::format("{}: from {} to {}; taken for 1 from {} on", label->path,
                                          label->least, label->most, 0.8 * label->most));
    }
    guess.sample_per = list_of(label->path);
  }

  std::set<std::string> names;
  for (const FieldFacts& facts : fields_) {
    if (&facts == time || &facts == label || facts.values == 0) continue;
    const std::string name = last_name(facts.path);
    const std::uint64_t distinct = facts.counts.size();
    const bool id_named = has_word(name, {"id", "ids", "sku", "user", "item", "product", "customer",
                                          "category", "uid", "asin", "movie", "track", "ad"});
    std::string why_not;
    if (facts.fractions > 0) {
      why_not = "has fractions";
    } else if (facts.booleans > 0) {
      why_not = "is a boolean";
    } else if (facts.times == facts.values && !id_named) {
      why_not = "is a time";
    } else if (facts.longest_text > 128) {
      why_not = "is long text";
    } else if (distinct < 2) {
      why_not = "has one value";
    } else if (!facts.in_list && records_ >= 100 && distinct == facts.values &&
               distinct >= records_ * 95 / 100) {
      why_not = "is another one in each record, as the number of an event is";
    } else if (facts.texts == 0 && !id_named && facts.integers > 0 && distinct < 100) {
      why_not = "is a number of few values whose name says nothing of ids; add it if it is one";
    }
    if (!why_not.empty()) {
      guess.remarks.push_back(facts.path + ": left out: " + why_not);
      continue;
    }
    Guess::Ids ids{.name = name, .path = facts.path, .distinct = distinct};
    while (!names.insert(ids.name).second) ids.name = facts.path + (ids.name == name ? "" : "_");
    for (const auto& [value, n] : facts.frequent(5)) {
      if (!is_padding(value) || n * 100 < facts.values) continue;
      ids.ignore.push_back(literal_of(value));
      guess.remarks.push_back(
          fmt::format("{}: {} is {:.0f} % of its values: taken for padding", facts.path, value,
                      100.0 * static_cast<double>(n) / static_cast<double>(facts.values)));
    }
    guess.ids.push_back(std::move(ids));
  }
  return guess;
}

}  // namespace remapd::cli
