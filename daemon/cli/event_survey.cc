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

using json = nlohmann::ordered_json;

constexpr int kMaxDepth = 16;
constexpr double kLeastTime = 9e8;  // a number below that is no time
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

// What the ids at a path are of: "context.user.id" is "user", "items[].id" is "item".
std::string name_of_ids(const std::string& path) {
  const std::string last = last_name(path);
  const auto paths = decode::parse_field_path(path);
  const std::string word = lower(last);
  if (!paths || (word != "id" && word != "uid" && word != "key" && word != "value")) return last;
  std::string before;
  for (const decode::PathStep& step : paths->front()) {
    if (!step.each() && step.name != last) before = step.name;
  }
  if (before.size() > 2 && before.ends_with('s')) before.pop_back();
  return before.empty() ? last : before;
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
      "0", "-1", "null", "none", "nan", "unknown", "undefined", "n/a", "na"};
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
  if (value > kLeastTime && could_be_time(fields::time_ms_of_number(value))) ++facts.times;
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
  } else if (const auto integer = fields::integer_of_text(text)) {
    // Text of digits, too, as the 64-bit integers of protobuf are in JSON.
    note_number(*facts, static_cast<double>(*integer), /*whole=*/true);
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
  columns_ = true;
  json row = json::object();
  for (std::size_t c = 0; c < columns.size() && c < cells.size(); ++c) {
    const std::string_view cell = fields::without_blanks(cells[c]);
    if (const auto integer = fields::integer_of_text(cell)) {
      row[columns[c]] = *integer;
    } else if (const auto number = fields::number_of_text(cell)) {
      row[columns[c]] = *number;
    } else if (const std::string word = lower(cell); word == "true" || word == "false") {
      row[columns[c]] = word == "true";
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

// All values could be a time; a name that says so is preferred, then the first.
const FieldFacts* EventSurvey::guess_time() const {
  const FieldFacts* time = nullptr;
  const auto names_time = [](const FieldFacts& facts) {
    return has_word(last_name(facts.path),
                    {"ts", "time", "timestamp", "date", "at", "ms", "datetime"});
  };
  for (const FieldFacts& facts : fields_) {
    if (facts.values == 0 || facts.times < facts.values || facts.in_list) continue;
    if (time == nullptr || (names_time(facts) && !names_time(*time))) time = &facts;
  }
  return time;
}

// Two values by a telling name, then positive words of an event's kind, then stars, then a boolean.
const FieldFacts* EventSurvey::guess_label(const FieldFacts* time, Guess& guess) const {
  enum class Kind { kNone, kBoolean, kStars, kWords, kNamed };
  const FieldFacts* label = nullptr;
  Kind best = Kind::kNone;
  for (const FieldFacts& facts : fields_) {
    if (facts.values == 0 || &facts == time) continue;
    const std::string name = last_name(facts.path);
    const bool named = has_word(name, {"label", "target", "click", "clicked", "converted",
                                       "conversion", "liked", "purchased", "bought", "y"});
    const bool numbers =
        facts.texts == 0 && facts.least >= 0 && facts.most <= 1 && facts.counts.size() <= 2;
    if (facts.counts.size() == 1) continue;  // only the difference of two can be learned from
    const bool words = facts.texts == facts.values && facts.counts.size() <= 50 &&
                       std::any_of(facts.counts.begin(), facts.counts.end(),
                                   [](const auto& count) { return is_positive_word(count.first); });
    const bool stars = facts.texts == 0 && facts.booleans == 0 && facts.least >= 0 &&
                       facts.most <= 10 && facts.most > 1 && facts.counts.size() <= 21 &&
                       has_word(name, {"rating", "stars", "score"});
    Kind kind = Kind::kNone;
    if (numbers && facts.booleans == facts.values && facts.counts.size() == 2)
      kind = Kind::kBoolean;
    if (stars) kind = Kind::kStars;
    if (words) kind = Kind::kWords;
    if (numbers && named) kind = Kind::kNamed;
    if (kind > best) {
      best = kind;
      label = &facts;
    }
  }
  if (label == nullptr) return nullptr;
  guess.label = label->path;
  guess.sample_per = list_of(label->path);
  if (best == Kind::kWords) {
    for (const auto& [value, n] : label->frequent(label->counts.size())) {
      if (is_positive_word(value)) guess.label_true.emplace_back(value);
    }
  } else if (best == Kind::kStars) {
    for (const auto& [value, n] : label->counts) {
      const auto number = fields::number_of_text(value);
      if (number && *number >= 0.8 * label->most) guess.label_true.push_back(literal_of(value));
    }
    std::sort(guess.label_true.begin(), guess.label_true.end());
    guess.remarks.push_back(fmt::format("{}: from {} to {}; taken for 1 from {} on", label->path,
                                        label->least, label->most, 0.8 * label->most));
  }
  return label;
}

// Why a field is not taken for one of ids; empty: it is.
std::string EventSurvey::why_no_ids(const FieldFacts& facts) const {
  constexpr std::uint64_t kFewIds = 100;
  const std::string name = last_name(facts.path);
  const std::uint64_t distinct = facts.counts.size();
  const bool names_thing = has_word(name, {"sku", "user", "item", "product", "customer", "category",
                                           "asin", "movie", "article", "track", "video", "ad"});
  const bool id_named = names_thing || has_word(name, {"id", "ids", "uid"});
  // One that is now and then something else is told when the records are read back.
  if (facts.fractions * 100 > facts.values) return "has fractions";
  if (facts.booleans * 100 > facts.values) return "is a boolean";
  if (facts.times == facts.values && !id_named) return "is a time";
  if (facts.longest_text > 128) return "is long text";
  if (distinct < 2) return "is " + facts.counts.begin()->first + " in every record";
  if (!names_thing && !facts.in_list && records_ >= 100 && distinct == facts.values &&
      distinct >= records_ * 95 / 100) {
    return "is another one in each record, as the number of an event is";
  }
  if (has_word(name, {"session", "basket", "order", "transaction", "request", "impression", "event",
                      "trace", "invoice", "visit"})) {
    return "numbers single visits or events, as its name says; add it if your model has it";
  }
  if (!id_named && distinct < kFewIds && records_ >= 10 * kFewIds) {
    return fmt::format(
        "has {} values, for which a row each costs nothing; add it if your model has "
        "it",
        distinct);
  }
  if (facts.texts == 0 && !id_named && distinct < kFewIds) {
    return "is a number of few values whose name says nothing of ids; add it if it is one";
  }
  return {};
}

// What stands between the ids of a cell where cells are lists: it is in many values of a column, is
// followed by no blank, takes the values apart into much fewer, and is in no other column.
char EventSurvey::guess_separator(const std::vector<const FieldFacts*>& columns) const {
  if (!columns_) return 0;
  for (const char separator : {'|', ',', ';', ' '}) {
    bool found = false;
    bool spoils = false;
    for (const FieldFacts* facts : columns) {
      std::uint64_t with = 0;
      std::set<std::string_view> pieces;
      bool blank = false;
      for (const auto& [value, n] : facts->counts) {
        if (value.find(separator) != std::string::npos) with += n;
        for (std::size_t at = 0; at <= value.size();) {
          const std::size_t end = std::min(value.find(separator, at), value.size());
          blank = blank || end == at || (separator != ' ' && value[at] == ' ');
          pieces.insert(std::string_view(value).substr(at, end - at));
          at = end + 1;
        }
      }
      if (with == 0) continue;
      const bool list =
          !blank && with * 5 >= facts->values && pieces.size() * 2 < facts->counts.size();
      (list ? found : spoils) = true;
    }
    if (found && !spoils) return separator;
  }
  return 0;
}

// Values that are no id. A 0 may be an id like others: it is padding where it is far more frequent
// than all of them.
void EventSurvey::note_padding(const FieldFacts& facts, Guess::Ids& ids, Guess& guess) const {
  const auto frequent = facts.frequent(5);
  for (const auto& [value, n] : frequent) {
    if (!is_padding(value) || n * 100 < facts.values) continue;
    const auto& next =
        frequent.front().first == value && frequent.size() > 1 ? frequent[1] : frequent.front();
    const bool likely = value != "0" || n >= 10 * next.second;
    if (likely) ids.ignore.push_back(literal_of(value));
    guess.remarks.push_back(fmt::format(
        "{}: {} is {:.0f} % of its values: {}", facts.path, value,
        100.0 * static_cast<double>(n) / static_cast<double>(facts.values),
        likely ? "taken for padding" : "if it is padding, add ignore = [" + value + "]"));
  }
}

Guess EventSurvey::guess() const {
  Guess guess;
  const FieldFacts* const time = guess_time();
  if (time != nullptr) guess.time = time->path;
  const FieldFacts* const label = guess_label(time, guess);
  std::vector<const FieldFacts*> columns;
  for (const FieldFacts& facts : fields_) {
    if (&facts == time || &facts == label || facts.values == 0) continue;
    if (const std::string why = why_no_ids(facts); why.empty()) {
      columns.push_back(&facts);
    } else {
      guess.remarks.push_back(facts.path + ": left out: " + why);
    }
  }
  std::stable_partition(columns.begin(), columns.end(), [](const FieldFacts* facts) {
    return has_word(last_name(facts->path), {"user", "customer", "member", "household", "visitor",
                                             "client", "account", "uid", "viewer", "person"}) ||
           has_word(facts->path, {"user", "customer"});
  });
  guess.list_separator = guess_separator(columns);
  if (guess.list_separator != 0) {
    guess.remarks.push_back(
        fmt::format("\"{}\" is taken for what is between the ids of a cell", guess.list_separator));
  }
  std::set<std::string> names;
  for (const FieldFacts* facts : columns) {
    const std::string name = name_of_ids(facts->path);
    Guess::Ids ids{.name = name, .path = facts->path};
    while (!names.insert(ids.name).second) ids.name = facts->path + (ids.name == name ? "" : "_");
    note_padding(*facts, ids, guess);
    guess.ids.push_back(std::move(ids));
  }
  return guess;
}

}  // namespace remapd::cli
