#include "connectors/decode/json_decoder.h"

#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <simdjson.h>

#include "core/fields/text.h"

namespace remapd::decode {
namespace {

namespace ondemand = simdjson::ondemand;

// A name as it may stand between quotes.
struct Spelling {
  std::string text;
  NodeIndex node;
};

class JsonDecoder final : public RecordDecoder {
 public:
  explicit JsonDecoder(const FieldTree& tree) : tree_(tree) { learn_names(kRootNode); }

  bool read(ByteView record, SampleBuilder& builder) override {
    builder.begin();
    builder_ = &builder;
    buffer_.resize(record.size() + simdjson::SIMDJSON_PADDING);
    if (!record.empty()) std::memcpy(buffer_.data(), record.data(), record.size());
    std::memset(buffer_.data() + record.size(), 0, simdjson::SIMDJSON_PADDING);
    end_ = buffer_.data() + record.size();

    ondemand::document document;
    auto error = parser_.iterate(buffer_.data(), record.size(), buffer_.size()).get(document);
    if (error) return broken(error);
    ondemand::object object;
    if (error = document.get_object().get(object); error) {
      return refuse_record(error == simdjson::INCORRECT_TYPE ? "the record is JSON, but no object"
                                                             : simdjson::error_message(error));
    }
    if (!read_object(object, kRootNode)) return false;
    // There is no location beyond the last token.
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS ||
           refuse_record("more follows the JSON object");
  }

 private:
  void learn_names(NodeIndex index) {
    if (names_.size() <= index) names_.resize(index + 1);
    const FieldNode& node = tree_.node(index);
    for (const FieldNode::Child& child : node.children) {
      const nlohmann::json name(child.name);
      std::string before;
      for (const bool ascii : {false, true}) {
        // With the closing quote only.
        std::string text =
            name.dump(-1, ' ', ascii, nlohmann::json::error_handler_t::replace).substr(1);
        if (text != before) names_[index].push_back({text, child.node});
        before = std::move(text);
      }
      learn_names(child.node);
    }
    if (node.each != kNoNode) learn_names(node.each);
  }

  NodeIndex child_of(NodeIndex index, const char* key) const {
    const auto left = static_cast<std::size_t>(end_ - key);
    for (const Spelling& name : names_[index]) {
      if (*key == name.text.front() && name.text.size() <= left &&
          std::memcmp(key, name.text.data(), name.text.size()) == 0) {
        return name.node;
      }
    }
    return kNoNode;
  }

  bool read_object(ondemand::object& object, NodeIndex index) {
    for (auto entry : object) {
      if (const auto error = entry.error(); error) return broken(error);
      ondemand::field&& field = std::move(entry).value_unsafe();  // not copied: most are skipped
      const NodeIndex child = child_of(index, field.key().raw());
      if (child == kNoNode) continue;
      if (!read_value(field.value(), child)) return false;
    }
    return true;
  }

  bool read_value(ondemand::value& value, NodeIndex index) {
    const FieldNode& node = tree_.node(index);
    ondemand::json_type type{};
    if (const auto error = value.type().get(type); error) return broken(error);
    switch (type) {
      case ondemand::json_type::object: {
        if (!node.enters_objects()) {
          return builder_->refuse(
              node, fmt::format("an object, where a value is expected; a path to a field of it is "
                                "{}.NAME",
                                node.path));
        }
        ondemand::object object;
        if (const auto error = value.get_object().get(object); error) return broken(error);
        return read_object(object, index);
      }
      case ondemand::json_type::array:
        return read_list(value, index);
      case ondemand::json_type::null: {
        bool is_null = false;
        if (const auto error = value.is_null().get(is_null); error) return broken(error);
        return is_null || refuse_scalar(node, value.raw_json_token());
      }
      case ondemand::json_type::number:
      case ondemand::json_type::string:
      case ondemand::json_type::boolean:
        break;
    }
    if (!node.is_leaf()) {
      return builder_->refuse(
          node, fmt::format("{}, where {} is expected",
                            fields::excerpt(fields::without_blanks(value.raw_json_token())),
                            node.each == kNoNode ? "an object" : "a list"));
    }
    return read_scalar(value, type, node);
  }

  bool read_scalar(ondemand::value& value, ondemand::json_type type, const FieldNode& node) {
    const std::string_view token = fields::without_blanks(value.raw_json_token());
    if (type == ondemand::json_type::number) return builder_->add(node, Scalar::of_number(token));
    if (type == ondemand::json_type::boolean) {
      bool truth = false;
      if (const auto error = value.get_bool().get(truth); error) return broken(error);
      return builder_->add(node, Scalar::of(truth));
    }
    std::string_view text;
    if (token.size() < 2 || token.find('\\') != std::string_view::npos) {
      if (const auto error = value.get_string().get(text); error) return broken(error);
    } else {
      text = token.substr(1, token.size() - 2);
    }
    return builder_->add(node, Scalar::of(text));
  }

  // The elements of a list: of the node that stands for each of them, or, in a list of plain
  // values, of the node itself.
  bool read_list(ondemand::value& value, NodeIndex index) {
    const FieldNode& node = tree_.node(index);
    const bool plain = node.each == kNoNode;
    if (plain && !node.is_leaf()) {
      return builder_->refuse(
          node, fmt::format("a list, where an object is expected; a path to a field of its "
                            "elements is {}[].NAME",
                            node.path));
    }
    ondemand::array array;
    if (const auto error = value.get_array().get(array); error) return broken(error);
    for (auto entry : array) {
      ondemand::value element;
      if (const auto error = std::move(entry).get(element); error) return broken(error);
      if (plain) {
        ondemand::json_type type{};
        if (const auto error = element.type().get(type); error) return broken(error);
        if (type == ondemand::json_type::array || type == ondemand::json_type::object) {
          return builder_->refuse(node, type == ondemand::json_type::array
                                            ? "a list in a list"
                                            : fmt::format("a list of objects; a path to a field "
                                                          "of them is {}[].NAME",
                                                          node.path));
        }
        if (!read_value(element, index)) return false;
        continue;
      }
      const bool sample = tree_.node(node.each).sample;
      if (!read_value(element, node.each)) return false;
      if (sample) builder_->end_element();
    }
    return true;
  }

  bool refuse_scalar(const FieldNode& node, std::string_view token) {
    return builder_->refuse(
        node, fmt::format("{} is no JSON", fields::excerpt(fields::without_blanks(token))));
  }

  bool refuse_record(std::string_view what) { return builder_->refuse_record(what); }

  bool broken(simdjson::error_code error) {
    return refuse_record(
        fmt::format("it is no whole JSON object ({})", simdjson::error_message(error)));
  }

  const FieldTree& tree_;
  std::vector<std::vector<Spelling>> names_;  // by node
  ondemand::parser parser_;
  std::vector<char> buffer_;
  const char* end_ = nullptr;
  SampleBuilder* builder_ = nullptr;
};

}  // namespace

std::unique_ptr<RecordDecoder> make_json_decoder(const FieldTree& tree) {
  return std::make_unique<JsonDecoder>(tree);
}

}  // namespace remapd::decode
