#include "connectors/files/tsv_decoder.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/fields/cell.h"
#include "core/fields/label_rule.h"
#include "core/fields/time_rule.h"

namespace remapd::files {
namespace {

// The quote that closes the one at `at`; `end`: there is none.
const char* closing_quote(const char* at, const char* end) {
  for (++at; at != end; ++at) {
    if (*at != '"') continue;
    if (at + 1 == end || at[1] != '"') return at;
    ++at;
  }
  return end;
}

// Where the field that begins at `at` ends. Of a field in quotes the delimiter is part of it.
const char* end_of_field(const char* at, const char* end, char delimiter) {
  if (at != end && *at == '"') {
    const char* const quote = closing_quote(at, end);
    // A quote that is never closed is text.
    if (quote != end && (quote + 1 == end || quote[1] == delimiter)) return quote + 1;
  }
  while (at != end && *at != delimiter) ++at;
  return at;
}

// Fields between delimiters into `out`; the number of fields, counted beyond out.size() too.
std::size_t split_fields(std::string_view row, char delimiter, std::vector<std::string_view>& out) {
  std::size_t fields = 0;
  const char* at = row.data();
  const char* const end = at + row.size();
  for (;;) {
    const char* const stop = end_of_field(at, end, delimiter);
    if (fields < out.size()) out[fields] = {at, static_cast<std::size_t>(stop - at)};
    ++fields;
    if (stop == end) return fields;
    at = stop + 1;
  }
}

std::size_t count_fields(std::string_view row, char delimiter) {
  std::vector<std::string_view> none;
  return split_fields(row, delimiter, none);
}

}  // namespace

bool ends_in_quotes(std::string_view row, char delimiter) {
  const char* at = row.data();
  const char* const end = at + row.size();
  for (;;) {
    if (at != end && *at == '"' && closing_quote(at, end) == end) return true;
    at = end_of_field(at, end, delimiter);
    if (at == end) return false;
    ++at;
  }
}

std::vector<std::string> split_row(std::string_view row, char delimiter) {
  std::vector<std::string_view> parts(count_fields(row, delimiter));
  split_fields(row, delimiter, parts);
  std::string room;
  std::vector<std::string> cells;
  for (const std::string_view field : parts) {
    cells.emplace_back(fields::text_of_cell(field, room).value_or(std::string_view()));
  }
  return cells;
}

Result<TsvDecoder> TsvDecoder::create(std::string_view header,
                                      const pipeline::FeatureSchema& schema,
                                      const TsvOptions& options) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (header.starts_with(kByteOrderMark)) header.remove_prefix(kByteOrderMark.size());
  if (header.empty()) {
    return fail(ErrorCode::kCorrupt,
                "the first line is empty; it must name the columns, separated as the rows are");
  }
  TsvDecoder decoder;
  decoder.features_ = schema.size();
  decoder.separator_ = options.multi_value_separator;
  decoder.delimiter_ = options.delimiter.value_or('\t');
  decoder.label_true_ = options.label_true;
  const std::size_t columns = count_fields(header, decoder.delimiter_);
  decoder.fields_.resize(columns);
  split_fields(header, decoder.delimiter_, decoder.fields_);
  for (const std::string_view name : decoder.fields_) {
    decoder.names_.emplace_back(fields::text_of_cell(name, decoder.room_).value_or(name));
  }

  const auto column_of = [&](std::string_view name) -> Result<std::optional<std::size_t>> {
    const auto& names = decoder.names_;
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) return std::nullopt;
    if (std::find(at + 1, names.end(), name) != names.end()) {
      return fail(ErrorCode::kCorrupt, fmt::format("the header names column {} twice", name));
    }
    return static_cast<std::size_t>(at - names.begin());
  };
  const auto missing = [&](std::string_view what, std::string_view name) {
    constexpr std::size_t kListed = 64;
    const auto& names = decoder.names_;
    const std::size_t listed = std::min(names.size(), kListed);
    const bool only_numbers = std::all_of(names.begin(), names.end(), [](std::string_view cell) {
      return !cell.empty() && cell.find_first_not_of("0123456789.-") == std::string_view::npos;
    });
    return fail(
        ErrorCode::kConfig,
        fmt::format("there is no column {} for {}; the log has {} columns: {}{}{}", name, what,
                    names.size(), fmt::join(names.begin(), names.begin() + listed, ", "),
                    listed < names.size() ? ", ..." : "",
                    only_numbers ? " (numbers only: is the header line missing?)" : ""));
  };

  std::vector<bool> used(columns, false);
  for (std::uint32_t f = 0; f < schema.size(); ++f) {
    const std::string& feature = schema.feature(FeatureIndex{f}).name;
    const bool named = f < options.columns.size() && !options.columns[f].empty();
    const std::string& name = named ? options.columns[f] : feature;
    const auto column = column_of(name);
    if (!column) return fail(column.error());
    if (!*column) {
      return missing(named ? "feature " + feature : "the feature of that name", name);
    }
    decoder.feature_columns_.push_back({**column, FeatureIndex{f}});
    used[**column] = true;
  }
  if (options.labels != LabelUse::kIgnore) {
    const auto column = column_of(options.label_column);
    if (!column) return fail(column.error());
    if (!*column && options.labels == LabelUse::kRequired) {
      return missing("labels", options.label_column);
    }
    decoder.label_column_ = *column;
  }
  const auto time = column_of(options.timestamp_column);
  if (!time) return fail(time.error());
  decoder.timestamp_column_ = *time;
  if (!options.weight_column.empty()) {
    const auto weight = column_of(options.weight_column);
    if (!weight) return fail(weight.error());
    if (!*weight) return missing("weights", options.weight_column);
    decoder.weight_column_ = *weight;
  }
  for (std::size_t c = 0; c < columns; ++c) {
    const bool named = decoder.names_[c] == options.label_column ||
                       decoder.names_[c] == options.timestamp_column || decoder.weight_column_ == c;
    if (!used[c] && !named) ++decoder.ignored_columns_;
  }
  return decoder;
}

bool TsvDecoder::append(std::string_view row, pipeline::EventBatch& into) {
  const std::size_t fields = split_fields(row, delimiter_, fields_);
  if (fields != fields_.size()) {
    reason_ = fmt::format("the row has {} fields, the header names {}", fields, fields_.size());
    return false;
  }
  const auto cell = [&](std::size_t column) {
    return fields::text_of_cell(fields_[column], room_).value_or(std::string_view());
  };
  const auto refuse = [&](std::size_t column, std::string_view why) {
    reason_ = fmt::format("column {}: {}", names_[column], why);
    return false;
  };
  std::optional<float> label;
  if (label_column_) {
    label = label_of(cell(*label_column_));
    if (!label) return refuse(*label_column_, fields::label_refusal(fields_[*label_column_]));
  }
  std::optional<std::int64_t> time = 0;
  if (timestamp_column_) {
    time = fields::time_ms_of_text(cell(*timestamp_column_));
    if (!time) return refuse(*timestamp_column_, fields::time_refusal(fields_[*timestamp_column_]));
  }
  std::optional<float> weight;
  if (weight_column_) {
    weight = fields::weight_of_text(cell(*weight_column_));
    if (!weight) return refuse(*weight_column_, fields::weight_refusal(fields_[*weight_column_]));
  }
  if (const auto column = append_ids(into)) {
    return refuse(*column, fields::list_refusal(fields_[*column], separator_));
  }
  if (label) into.mutable_labels().push_back(*label);
  if (weight) into.mutable_weights().push_back(*weight);
  into.event_time_ms = std::max(into.event_time_ms, *time);
  return true;
}

std::optional<float> TsvDecoder::label_of(std::string_view cell) const {
  if (label_true_.empty()) return fields::label_of_text(cell);
  return std::find(label_true_.begin(), label_true_.end(), cell) == label_true_.end() ? 0.0F : 1.0F;
}

// The column that is refused, if one is; nothing of the row is left then.
std::optional<std::size_t> TsvDecoder::append_ids(pipeline::EventBatch& into) {
  ids_before_.clear();
  for (const FeatureColumn& use : feature_columns_) {
    auto& values = into.mutable_values(use.feature);
    ids_before_.push_back(values.size());
    if (fields::ids_of_cell(fields_[use.column], separator_, values)) continue;
    for (std::size_t c = 0; c + 1 < ids_before_.size(); ++c) {
      into.mutable_values(feature_columns_[c].feature).resize(ids_before_[c]);
    }
    return use.column;
  }
  for (std::size_t c = 0; c < feature_columns_.size(); ++c) {
    const FeatureIndex feature = feature_columns_[c].feature;
    const std::size_t ids = into.mutable_values(feature).size() - ids_before_[c];
    into.mutable_lengths(feature).push_back(static_cast<std::uint32_t>(ids));
  }
  return std::nullopt;
}

}  // namespace remapd::files
