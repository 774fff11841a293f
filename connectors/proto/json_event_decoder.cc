#include "connectors/proto/json_event_decoder.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <simdjson.h>

#include "core/fields/id_rule.h"
#include "core/fields/label_rule.h"
#include "core/fields/text.h"
#include "core/fields/time_rule.h"

namespace remapd::proto {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr bool begins_number(char c) {
  return c == '-' || (c >= '0' && c <= '9');
}

bool at_end(ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

}  // namespace

class JsonEventDecoder::Reader {
 public:
  explicit Reader(const pipeline::FeatureSchema& schema)
      : schema_(schema), given_(schema.size()), ids_before_(schema.size()) {}

  void begin(pipeline::EventBatch& into) {
    into.reset(schema_.size());
    samples_ = 0;
    unknown_features_ = 0;
    labelled_ = false;
    weighted_ = false;
  }

  bool append(std::string_view object, pipeline::EventBatch& into) {
    into_ = &into;
    line_ = Line{};
    std::fill(given_.begin(), given_.end(), false);
    for (std::uint32_t f = 0; f < schema_.size(); ++f) {
      ids_before_[f] = into.mutable_values(FeatureIndex{f}).size();
    }
    if (read(object)) {
      take_sample();
      return true;
    }
    for (std::uint32_t f = 0; f < schema_.size(); ++f) {
      into.mutable_values(FeatureIndex{f}).resize(ids_before_[f]);
    }
    return false;
  }

  void finish(pipeline::EventBatch& into) const {
    if (!labelled_) into.mutable_labels().clear();
    if (!weighted_) into.mutable_weights().clear();
    into.seal(samples_);
  }

  const std::string& reason() const { return reason_; }
  std::size_t samples() const { return samples_; }
  std::uint64_t unknown_features() const { return unknown_features_; }

 private:
  // What stands beside the ids.
  struct Line {
    bool has_time = false;
    bool has_label = false;
    bool has_weight = false;
    bool has_features = false;
    std::int64_t time_ms = 0;
    float label = fields::kNoLabel;
    float weight = fields::kUsualWeight;
    std::uint64_t unknown_features = 0;
    std::string beside;  // features that stand beside "f" instead of inside, as members
  };

  void take_sample() {
    for (std::uint32_t f = 0; f < schema_.size(); ++f) {
      const std::size_t ids = into_->mutable_values(FeatureIndex{f}).size() - ids_before_[f];
      into_->mutable_lengths(FeatureIndex{f}).push_back(static_cast<std::uint32_t>(ids));
    }
    into_->mutable_labels().push_back(line_.label);
    into_->mutable_weights().push_back(line_.weight);
    into_->event_time_ms = std::max(into_->event_time_ms, line_.time_ms);
    labelled_ |= line_.has_label;
    weighted_ |= line_.has_weight;
    unknown_features_ += line_.unknown_features;
    ++samples_;
  }

  bool read(std::string_view object) {
    buffer_.resize(object.size() + simdjson::SIMDJSON_PADDING);
    if (!object.empty()) std::memcpy(buffer_.data(), object.data(), object.size());
    std::memset(buffer_.data() + object.size(), 0, simdjson::SIMDJSON_PADDING);
    end_ = buffer_.data() + object.size();
    ondemand::document document;
    if (const auto error =
            parser_.iterate(buffer_.data(), object.size(), buffer_.size()).get(document)) {
      return broken(error, object);
    }
    ondemand::object members;
    if (const auto error = document.get_object().get(members)) return broken(error, object);
    for (auto entry : members) {
      ondemand::field field;
      if (const auto error = std::move(entry).get(field)) return broken(error, object);
      if (!read_member(field)) return false;
    }
    if (!at_end(document)) return refuse("something follows the JSON object");
    if (!line_.has_features) return refuse_without_features();
    return true;
  }

  bool read_member(ondemand::field& field) {
    const std::string_view key = key_of(field);
    ondemand::value& value = field.value();
    if (key == "f") return first(line_.has_features, "f") && read_features(value);
    if (key == "label") return first(line_.has_label, "label") && read_label(value);
    if (key == "t") return first(line_.has_time, "t") && read_time(value);
    if (key == "w") return first(line_.has_weight, "w") && read_weight(value);
    if (!line_.has_features && schema_.find(key)) note_beside(key, value);
    return true;
  }

  // Between its quotes; what is not ASCII may be escaped.
  std::string_view key_of(ondemand::field& field) const {
    const char* const begin = field.key().raw();
    const void* const quote = std::memchr(begin, '"', static_cast<std::size_t>(end_ - begin));
    const auto* const end = quote != nullptr ? static_cast<const char*>(quote) : end_;
    const std::string_view key(begin, static_cast<std::size_t>(end - begin));
    if (key.find('\\') == std::string_view::npos) return key;
    std::string_view unescaped;
    return field.unescaped_key().get(unescaped) ? key : unescaped;
  }

  bool first(bool& seen, std::string_view name) {
    if (std::exchange(seen, true)) return refuse(fmt::format("member {} comes twice", name));
    return true;
  }

  static std::string_view token_of(ondemand::value& value) {
    return fields::without_blanks(value.raw_json_token());
  }

  // The text of a string, or another scalar as it stands; none: null.
  static std::optional<std::string_view> text_of(ondemand::value& value) {
    const std::string_view token = token_of(value);
    if (token == "null") return std::nullopt;
    if (token.size() < 2 || token.front() != '"') return token;
    const std::string_view inner = token.substr(1, token.size() - 2);
    if (inner.find('\\') == std::string_view::npos) return inner;
    std::string_view unescaped;
    return value.get_string().get(unescaped) ? inner : unescaped;
  }

  bool read_label(ondemand::value& value) {
    const auto text = text_of(value);
    if (!text) return true;
    const auto label = fields::label_of_text(*text);
    if (!label) return refuse_value("label", fields::label_refusal(token_of(value)));
    line_.label = *label;
    return true;
  }

  bool read_weight(ondemand::value& value) {
    const auto text = text_of(value);
    if (!text) return true;
    const auto weight = fields::weight_of_text(*text);
    if (!weight) return refuse_value("w", fields::weight_refusal(token_of(value)));
    line_.weight = *weight;
    return true;
  }

  bool read_time(ondemand::value& value) {
    const auto text = text_of(value);
    if (!text) return true;
    const auto time = fields::time_ms_of_text(*text);
    if (!time) return refuse_value("t", fields::time_refusal(token_of(value)));
    line_.time_ms = *time;
    return true;
  }

  bool read_features(ondemand::value& value) {
    ondemand::object members;
    if (value.get_object().get(members)) {
      return refuse(fmt::format("f is the object of features, such as {{\"user\":[7]}}, not {}",
                                fields::excerpt(token_of(value))));
    }
    for (auto entry : members) {
      ondemand::field field;
      if (const auto error = std::move(entry).get(field)) return broken(error, "f");
      const auto feature = feature_of(key_of(field));
      if (!feature) {
        ++line_.unknown_features;
        continue;
      }
      const std::string& name = schema_.feature(*feature).name;
      if (given_[feature->value]) return refuse(fmt::format("member f.{} comes twice", name));
      given_[feature->value] = true;
      if (!read_ids(field.value(), *feature)) return false;
    }
    return true;
  }

  // Lines mostly have the same features in the same order.
  std::optional<FeatureIndex> feature_of(std::string_view name) {
    if (next_feature_ >= schema_.size()) next_feature_ = 0;
    std::optional<FeatureIndex> feature;
    if (next_feature_ < schema_.size() &&
        schema_.feature(FeatureIndex{next_feature_}).name == name) {
      feature = FeatureIndex{next_feature_};
    } else {
      feature = schema_.find(name);
    }
    if (feature) next_feature_ = feature->value + 1;
    return feature;
  }

  bool read_ids(ondemand::value& value, FeatureIndex feature) {
    std::vector<Id>& ids = into_->mutable_values(feature);
    if (token_of(value).front() != '[') return read_id(value, feature, ids);
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return broken(error, "f");
    for (auto entry : array) {
      ondemand::value element;
      if (const auto error = std::move(entry).get(element)) return broken(error, "f");
      if (!read_id(element, feature, ids)) return false;
    }
    return true;
  }

  bool read_id(ondemand::value& value, FeatureIndex feature, std::vector<Id>& ids) {
    const std::string_view token = token_of(value);
    std::optional<Id> id;
    if (!token.empty() && begins_number(token.front())) {
      id = fields::id_of_number(token);
    } else if (token == "null") {
      return true;
    } else if (!token.empty() && token.front() == '"') {
      id = fields::id_of_text(*text_of(value));
      if (!id) return true;  // blank
    }
    if (!id) {
      const std::string_view found = token == "[" ? "a list in a list" : token;
      return refuse_value(fmt::format("f.{}", schema_.feature(feature).name),
                          fields::id_refusal(found == "{" ? "an object" : found));
    }
    ids.push_back(*id);
    return true;
  }

  void note_beside(std::string_view name, ondemand::value& value) {
    const std::string_view token = token_of(value);
    const bool scalar = token != "[" && token != "{";
    line_.beside += fmt::format("{}\"{}\":{}", line_.beside.empty() ? "" : ",", name,
                                scalar ? fields::excerpt(token) : "[...]");
  }

  bool refuse(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }

  bool refuse_value(std::string_view field, std::string_view why) {
    return refuse(fmt::format("{}: {}", field, why));
  }

  bool refuse_without_features() {
    std::string example = line_.beside;
    if (example.empty() && schema_.size() > 0) {
      example = fmt::format("\"{}\":[7]", schema_.feature(FeatureIndex{0}).name);
    }
    return refuse(
        fmt::format("f, the object of features, is missing: {{\"f\":{{{}}}}} would be read; "
                    "[source.decode] says how objects of another form are laid out",
                    example));
  }

  bool broken(simdjson::error_code error, std::string_view where) {
    if (error == simdjson::INCORRECT_TYPE) {
      return refuse(fmt::format("an event is a JSON object, {{\"f\":...}}, not {}",
                                fields::excerpt(fields::without_blanks(where))));
    }
    return refuse(fmt::format("it is no whole JSON object: {}", simdjson::error_message(error)));
  }

  const pipeline::FeatureSchema schema_;
  ondemand::parser parser_;
  std::vector<char> buffer_;
  const char* end_ = nullptr;

  pipeline::EventBatch* into_ = nullptr;
  Line line_;
  std::vector<bool> given_;              // by feature: the line has it
  std::vector<std::size_t> ids_before_;  // by feature
  std::uint32_t next_feature_ = 0;
  std::size_t samples_ = 0;
  std::uint64_t unknown_features_ = 0;
  bool labelled_ = false;
  bool weighted_ = false;
  std::string reason_;
};

JsonEventDecoder::JsonEventDecoder(const pipeline::FeatureSchema& schema)
    : reader_(std::make_unique<Reader>(schema)) {}
JsonEventDecoder::~JsonEventDecoder() = default;
JsonEventDecoder::JsonEventDecoder(JsonEventDecoder&&) noexcept = default;
JsonEventDecoder& JsonEventDecoder::operator=(JsonEventDecoder&&) noexcept = default;

void JsonEventDecoder::begin(pipeline::EventBatch& into) {
  reader_->begin(into);
}
bool JsonEventDecoder::append(std::string_view object, pipeline::EventBatch& into) {
  return reader_->append(object, into);
}
void JsonEventDecoder::finish(pipeline::EventBatch& into) {
  reader_->finish(into);
}
const std::string& JsonEventDecoder::reason() const {
  return reader_->reason();
}
std::size_t JsonEventDecoder::samples() const {
  return reader_->samples();
}
std::uint64_t JsonEventDecoder::unknown_features() const {
  return reader_->unknown_features();
}

}  // namespace remapd::proto
