#include "connectors/files/tsv_decoder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/hash.h"

namespace remapd::files {
namespace {

// What is quoted of a field in a reason: enough to recognise it.
std::string_view excerpt(std::string_view field) {
  return field.substr(0, 64);
}

// Fields between tabs into `out`; the number of fields, counted beyond out.size() too.
std::size_t split_fields(std::string_view row, std::vector<std::string_view>& out) {
  std::size_t fields = 0;
  const char* at = row.data();
  const char* const end = at + row.size();
  for (;;) {
    const char* tab = at;
    while (tab != end && *tab != '\t') ++tab;
    if (fields < out.size()) out[fields] = {at, static_cast<std::size_t>(tab - at)};
    ++fields;
    if (tab == end) return fields;
    at = tab + 1;
  }
}

// A number in [0, 1], NaN for an empty field; nothing for anything else.
std::optional<float> parse_label(std::string_view field) {
  if (field.size() == 1 && (field[0] == '0' || field[0] == '1')) {
    return static_cast<float>(field[0] - '0');
  }
  if (field.empty()) return std::numeric_limits<float>::quiet_NaN();
  float label = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, status] = std::from_chars(field.data(), end, label);
  if (status != std::errc() || stop != end || !(label >= 0.0F && label <= 1.0F)) {
    return std::nullopt;
  }
  return label;
}

std::optional<std::int64_t> parse_time(std::string_view field) {
  if (field.empty()) return 0;
  std::int64_t time = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, status] = std::from_chars(field.data(), end, time);
  if (status != std::errc() || stop != end) return std::nullopt;
  return time;
}

}  // namespace

Id parse_id(std::string_view text) {
  Id id = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, id);
  return status == std::errc() && stop == end ? id : hash_text(text);
}

Result<TsvDecoder> TsvDecoder::create(std::string_view header,
                                      const pipeline::FeatureSchema& schema,
                                      const TsvOptions& options) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (header.starts_with(kByteOrderMark)) header.remove_prefix(kByteOrderMark.size());
  if (header.empty()) {
    return fail(ErrorCode::kCorrupt,
                "the first line is empty; it must name the columns, separated by tabs");
  }
  TsvDecoder decoder;
  decoder.features_ = schema.size();
  decoder.separator_ = options.multi_value_separator;
  const auto columns = static_cast<std::size_t>(std::count(header.begin(), header.end(), '\t')) + 1;
  decoder.fields_.resize(columns);
  split_fields(header, decoder.fields_);
  decoder.names_.assign(decoder.fields_.begin(), decoder.fields_.end());

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
    const std::string& name = schema.feature(FeatureIndex{f}).name;
    const auto column = column_of(name);
    if (!column) return fail(column.error());
    if (!*column) return missing("the feature of that name", name);
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
  for (std::size_t c = 0; c < columns; ++c) {
    const bool named =
        decoder.names_[c] == options.label_column || decoder.names_[c] == options.timestamp_column;
    if (!used[c] && !named) ++decoder.ignored_columns_;
  }
  return decoder;
}

bool TsvDecoder::append(std::string_view row, pipeline::EventBatch& into) {
  const std::size_t fields = split_fields(row, fields_);
  if (fields != fields_.size()) {
    reason_ = fmt::format("the row has {} fields, the header names {}", fields, fields_.size());
    return false;
  }
  float label = 0;
  if (label_column_) {
    const auto parsed = parse_label(fields_[*label_column_]);
    if (!parsed) {
      reason_ = fmt::format("column {}: label \"{}\" is not a number from 0 to 1",
                            names_[*label_column_], excerpt(fields_[*label_column_]));
      return false;
    }
    label = *parsed;
  }
  if (timestamp_column_) {
    const auto time = parse_time(fields_[*timestamp_column_]);
    if (!time) {
      reason_ = fmt::format("column {}: timestamp \"{}\" is not an integer",
                            names_[*timestamp_column_], excerpt(fields_[*timestamp_column_]));
      return false;
    }
    into.event_time_ms = std::max(into.event_time_ms, *time);
  }
  if (label_column_) into.mutable_labels().push_back(label);
  for (const FeatureColumn& use : feature_columns_) {
    std::string_view field = fields_[use.column];
    auto& values = into.mutable_values(use.feature);
    const std::size_t before = values.size();
    if (separator_) {
      while (!field.empty()) {
        const std::size_t cut = std::min(field.find(*separator_), field.size());
        if (cut > 0) values.push_back(parse_id(field.substr(0, cut)));
        field.remove_prefix(std::min(cut + 1, field.size()));
      }
    } else if (!field.empty()) {
      values.push_back(parse_id(field));
    }
    into.mutable_lengths(use.feature).push_back(static_cast<std::uint32_t>(values.size() - before));
  }
  return true;
}

}  // namespace remapd::files
