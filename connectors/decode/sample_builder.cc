#include "connectors/decode/sample_builder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/fields/id_rule.h"
#include "core/fields/label_rule.h"
#include "core/fields/text.h"
#include "core/fields/time_rule.h"

namespace remapd::decode {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

std::optional<Id> id_of_literal(const Literal& literal) {
  if (const auto* integer = std::get_if<std::int64_t>(&literal)) {
    return fields::id_of_integer(*integer);
  }
  return fields::id_of_text(std::get<std::string>(literal));
}

// As it was sent, for a reason.
std::string quoted(const Scalar& value) {
  switch (value.kind) {
    case Scalar::Kind::kSigned:
      return fmt::format("{}", value.integer);
    case Scalar::Kind::kUnsigned:
      return fmt::format("{}", value.natural);
    case Scalar::Kind::kDouble:
      return fmt::format("{}", value.number);
    case Scalar::Kind::kBool:
      return value.truth ? "true" : "false";
    case Scalar::Kind::kText:
      return fmt::format("\"{}\"", fields::excerpt(value.text));
    case Scalar::Kind::kNumber:
      break;
  }
  return std::string(fields::excerpt(value.text));
}

// Not for text.
std::optional<double> number_of(const Scalar& value) {
  switch (value.kind) {
    case Scalar::Kind::kSigned:
      return static_cast<double>(value.integer);
    case Scalar::Kind::kUnsigned:
      return static_cast<double>(value.natural);
    case Scalar::Kind::kDouble:
      return value.number;
    case Scalar::Kind::kBool:
      return value.truth ? 1.0 : 0.0;
    case Scalar::Kind::kNumber:
      return fields::number_of_text(value.text);
    case Scalar::Kind::kText:
      break;
  }
  return std::nullopt;
}

std::optional<float> weight_of(const Scalar& value) {
  if (value.kind == Scalar::Kind::kText) return fields::weight_of_text(value.text);
  if (value.kind == Scalar::Kind::kBool) return std::nullopt;
  const auto number = number_of(value);
  return number ? fields::weight_of_number(*number) : std::nullopt;
}

// Whether a label's value is one of label_true: by the number, or letter by letter.
bool equals(const Scalar& value, const Literal& literal) {
  const auto* integer = std::get_if<std::int64_t>(&literal);
  if (value.kind == Scalar::Kind::kText) {
    const std::string_view text = fields::without_blanks(value.text);
    if (integer == nullptr) return text == std::get<std::string>(literal);
    return fields::integer_of_text(text) == *integer;
  }
  if (integer == nullptr) return quoted(value) == std::get<std::string>(literal);
  return value.kind != Scalar::Kind::kBool && number_of(value) == static_cast<double>(*integer);
}

}  // namespace

std::vector<Id> ids_of(const std::vector<Literal>& values) {
  std::vector<Id> ids;
  for (const Literal& value : values) {
    if (const auto id = id_of_literal(value)) ids.push_back(*id);
  }
  return ids;
}

Result<SampleBuilder> SampleBuilder::create(const RecordLayout& layout,
                                            const pipeline::FeatureSchema& schema) {
  REMAPD_CHECK(layout.features.empty() || layout.features.size() == schema.size(),
               "a layout is of its schema");
  SampleBuilder builder;
  builder.label_true_ = layout.label_true;
  if (!layout.sample_per.empty()) {
    auto paths = parse_field_path(layout.sample_per);
    if (!paths) return fail(std::move(paths).error().with_context("source.decode.sample_per"));
    FieldPath path = paths->front();
    if (!path.back().each()) path.push_back({});
    const auto lists =
        std::count_if(path.begin(), path.end(), [](const auto& s) { return s.each(); });
    if (paths->size() > 1 || lists > 1) {
      return fail(ErrorCode::kConfig,
                  fmt::format("source.decode.sample_per: is \"{}\", must name one list, and none "
                              "inside of another",
                              layout.sample_per));
    }
    builder.sample_path_ = path;
    builder.tree_.node(builder.tree_.add(path)).sample = true;
  }
  builder.features_.resize(schema.size());
  for (std::uint32_t f = 0; f < schema.size(); ++f) {
    const std::string& name = schema.feature(FeatureIndex{f}).name;
    FeatureLayout feature;
    if (!layout.features.empty()) feature = layout.features[f];
    const std::string path = feature.path.empty() ? path_of_name(name) : feature.path;
    auto added = builder.add_paths(path, fmt::format("path of feature \"{}\"", name),
                                   Role::kFeature, ids_of(feature.ignore), &builder.features_[f]);
    if (!added) return fail(std::move(added).error());
  }
  const auto single = [&](const std::string& path, std::string_view key, Role role,
                          Alternatives& slots) -> Result<void> {
    if (path.empty()) return {};
    return builder.add_paths(path, key, role, {}, &slots);
  };
  auto added =
      single(layout.label, "source.decode.label", Role::kLabel, builder.label_)
          .and_then(
              [&] { return single(layout.time, "source.decode.time", Role::kTime, builder.time_); })
          .and_then([&] {
            return single(layout.weight, "source.decode.weight", Role::kWeight, builder.weight_);
          });
  if (!added) return fail(std::move(added).error());
  return builder;
}

Result<void> SampleBuilder::add_paths(const std::string& text, std::string_view key, Role role,
                                      const std::vector<Id>& ignored, Alternatives* slots) {
  auto paths = parse_field_path(text);
  if (!paths) return fail(std::move(paths).error().with_context(key));
  for (const FieldPath& path : *paths) {
    const bool per_element = !sample_path_.empty() && path.size() >= sample_path_.size() &&
                             std::equal(sample_path_.begin(), sample_path_.end(), path.begin());
    slots->push_back(static_cast<std::uint32_t>(slots_.size()));
    tree_.node(tree_.add(path)).slots.push_back(slots->back());
    slots_.push_back({.role = role, .per_element = per_element, .ignored = ignored});
  }
  return {};
}

void SampleBuilder::begin() {
  for (Slot& slot : slots_) {
    slot.ids.clear();
    slot.ends.clear();
    slot.numbers.clear();
  }
  elements_ = 0;
  time_ms_ = 0;
}

bool SampleBuilder::refuse(const FieldNode& node, std::string_view what) {
  reason_ = fmt::format("{}: {}", node.path, what);
  return false;
}

bool SampleBuilder::refuse_record(std::string_view what) {
  reason_ = what;
  return false;
}

bool SampleBuilder::refuse_value(const FieldNode& node, const Scalar& value,
                                 std::string (*why)(std::string_view)) {
  return refuse(node, why(quoted(value)));
}

bool SampleBuilder::add(const FieldNode& node, const Scalar& value) {
  for (const std::uint32_t index : node.slots) {
    Slot& slot = slots_[index];
    bool taken = false;
    switch (slot.role) {
      case Role::kFeature:
        taken = add_id(slot, node, value);
        break;
      case Role::kLabel: {
        const auto label = label_of(value);
        taken = label ? add_number(slot, node, *label)
                      : refuse_value(node, value, fields::label_refusal);
        break;
      }
      case Role::kWeight: {
        const auto weight = weight_of(value);
        taken = weight ? add_number(slot, node, *weight)
                       : refuse_value(node, value, fields::weight_refusal);
        break;
      }
      case Role::kTime:
        taken = add_time(node, value);
        break;
    }
    if (!taken) return false;
  }
  return true;
}

bool SampleBuilder::add_id(Slot& slot, const FieldNode& node, const Scalar& value) {
  std::optional<Id> id;
  switch (value.kind) {
    case Scalar::Kind::kSigned:
      id = fields::id_of_integer(value.integer);
      break;
    case Scalar::Kind::kUnsigned:
      id = fields::id_of_integer(value.natural);
      break;
    case Scalar::Kind::kDouble:
      id = fields::id_of_double(value.number);
      break;
    case Scalar::Kind::kNumber:
      id = fields::id_of_number(value.text);
      break;
    case Scalar::Kind::kText:
      id = fields::id_of_text(value.text);
      if (!id) return true;  // blank
      break;
    case Scalar::Kind::kBool:
      break;
  }
  if (!id) return refuse_value(node, value, fields::id_refusal);
  const auto& ignored = slot.ignored;
  if (std::find(ignored.begin(), ignored.end(), *id) != ignored.end()) return true;
  if (slot.ids.size() == kMaxIdsPerRecord) {
    return refuse(node, fmt::format("more than {} ids in one record", kMaxIdsPerRecord));
  }
  slot.ids.push_back(*id);
  return true;
}

bool SampleBuilder::add_number(Slot& slot, const FieldNode& node, float number) {
  const std::size_t at = slot.per_element ? elements_ : 0;
  if (slot.numbers.size() > at) {
    return refuse(node, "several values for one sample, where one is expected");
  }
  slot.numbers.resize(at, kMissing);
  slot.numbers.push_back(number);
  return true;
}

std::optional<float> SampleBuilder::label_of(const Scalar& value) const {
  if (!label_true_.empty()) {
    const bool is_true =
        std::any_of(label_true_.begin(), label_true_.end(),
                    [&](const Literal& literal) { return equals(value, literal); });
    return is_true ? 1.0F : 0.0F;
  }
  if (value.kind == Scalar::Kind::kText) return fields::label_of_text(value.text);
  const auto number = number_of(value);
  return number ? fields::label_of_number(*number) : std::nullopt;
}

bool SampleBuilder::add_time(const FieldNode& node, const Scalar& value) {
  std::optional<std::int64_t> time;
  switch (value.kind) {
    case Scalar::Kind::kSigned:
      time = fields::time_ms_of_integer(value.integer);
      break;
    case Scalar::Kind::kUnsigned:
      time = fields::time_ms_of_number(static_cast<double>(value.natural));
      break;
    case Scalar::Kind::kDouble:
      time = fields::time_ms_of_number(value.number);
      break;
    case Scalar::Kind::kNumber:
    case Scalar::Kind::kText:
      time = fields::time_ms_of_text(value.text);
      break;
    case Scalar::Kind::kBool:
      break;
  }
  if (!time) return refuse_value(node, value, fields::time_refusal);
  time_ms_ = std::max(time_ms_, *time);
  return true;
}

void SampleBuilder::end_element() {
  ++elements_;
  for (Slot& slot : slots_) {
    if (slot.per_element && slot.role == Role::kFeature) slot.ends.push_back(slot.ids.size());
  }
}

bool SampleBuilder::too_many_ids() const {
  std::size_t ids = 0;
  for (const Slot& slot : slots_) ids += slot.ids.size() * (slot.per_element ? 1 : elements_);
  return ids > kMaxIdsPerRecord;
}

std::optional<std::size_t> SampleBuilder::finish(pipeline::EventBatch& into) {
  const std::size_t samples = sample_path_.empty() ? 1 : elements_;
  if (samples > 1 && too_many_ids()) {
    refuse_record(fmt::format("its samples would have more than {} ids", kMaxIdsPerRecord));
    return std::nullopt;
  }
  for (std::uint32_t f = 0; f < features_.size(); ++f) {
    append_ids(features_[f], samples, FeatureIndex{f}, into);
  }
  if (!label_.empty()) append_numbers(label_, samples, kMissing, into.mutable_labels());
  if (!weight_.empty())
    append_numbers(weight_, samples, fields::kUsualWeight, into.mutable_weights());
  if (samples > 0) into.event_time_ms = std::max(into.event_time_ms, time_ms_);
  return samples;
}

void SampleBuilder::append_ids(const Alternatives& alternatives, std::size_t samples,
                               FeatureIndex feature, pipeline::EventBatch& into) const {
  auto& lengths = into.mutable_lengths(feature);
  auto& values = into.mutable_values(feature);
  for (std::size_t s = 0; s < samples; ++s) {
    std::size_t length = 0;
    for (const std::uint32_t index : alternatives) {
      const Slot& slot = slots_[index];
      const std::size_t begin = slot.per_element && s > 0 ? slot.ends[s - 1] : 0;
      const std::size_t end = slot.per_element ? slot.ends[s] : slot.ids.size();
      length = end - begin;
      if (length == 0) continue;
      values.insert(values.end(), slot.ids.begin() + static_cast<std::ptrdiff_t>(begin),
                    slot.ids.begin() + static_cast<std::ptrdiff_t>(end));
      break;
    }
    lengths.push_back(static_cast<std::uint32_t>(length));
  }
}

void SampleBuilder::append_numbers(const Alternatives& alternatives, std::size_t samples,
                                   float missing, std::vector<float>& into) const {
  for (std::size_t s = 0; s < samples; ++s) {
    float number = missing;
    for (const std::uint32_t index : alternatives) {
      const Slot& slot = slots_[index];
      const std::size_t at = slot.per_element ? s : 0;
      if (at >= slot.numbers.size() || std::isnan(slot.numbers[at])) continue;
      number = slot.numbers[at];
      break;
    }
    into.push_back(number);
  }
}

}  // namespace remapd::decode
