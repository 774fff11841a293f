#include "connectors/decode/avro_decoder.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "connectors/decode/avro_reader.h"
#include "connectors/decode/avro_schema.h"

namespace remapd::decode {
namespace {

using Kind = AvroType::Kind;

constexpr std::uint32_t kPass = ~std::uint32_t{0};  // a plan that reads nothing
constexpr int kMaxDepth = 100;                      // of what is passed over

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBoolean:
      return "a boolean";
    case Kind::kInt:
    case Kind::kLong:
    case Kind::kFloat:
    case Kind::kDouble:
      return "a number";
    case Kind::kBytes:
    case Kind::kFixed:
      return "bytes";
    case Kind::kString:
      return "a string";
    case Kind::kEnum:
      return "an enum";
    case Kind::kRecord:
      return "a record";
    case Kind::kArray:
      return "a list";
    case Kind::kMap:
      return "a map";
    case Kind::kUnion:
      return "a union";
  }
  return "a value";
}

class AvroDecoder final : public RecordDecoder {
 public:
  AvroDecoder(AvroSchema schema, const FieldTree& tree)
      : schema_(std::move(schema)), tree_(tree), root_(plan_for(schema_.root(), kRootNode)) {}

  bool read(ByteView record, SampleBuilder& builder) override {
    builder.begin();
    builder_ = &builder;
    in_ = AvroReader(record);
    if (schema_.type(schema_.root()).kind != Kind::kRecord) {
      return builder.refuse_record(fmt::format("the schema is of {}, not of a record",
                                               to_string(schema_.type(schema_.root()).kind)));
    }
    if (!walk(root_)) return false;
    if (in_.left() == 0) return true;
    return builder.refuse_record(
        fmt::format("{} bytes follow the record: it was written with another schema", in_.left()));
  }

 private:
  // A type at a node of the tree; `parts` are plans of the type's parts (or, of a map, of the
  // values of the node's children).
  struct Plan {
    std::uint32_t type = 0;
    NodeIndex node = kNoNode;
    std::vector<std::uint32_t> parts{};
  };

  std::uint32_t plan_for(std::uint32_t type, NodeIndex node) {
    if (node == kNoNode) return kPass;
    const auto [known, is_new] = plan_of_.try_emplace({type, node}, 0);
    if (!is_new) return known->second;
    const auto index = static_cast<std::uint32_t>(plans_.size());
    known->second = index;
    plans_.push_back({.type = type, .node = node});
    const AvroType& what = schema_.type(type);
    const FieldNode& place = tree_.node(node);
    std::vector<std::uint32_t> parts;
    switch (what.kind) {
      case Kind::kRecord:
        for (std::size_t i = 0; i < what.parts.size(); ++i) {
          parts.push_back(plan_for(what.parts[i], tree_.child_of(node, what.names[i])));
        }
        break;
      case Kind::kUnion:
        for (const std::uint32_t branch : what.parts) parts.push_back(plan_for(branch, node));
        break;
      case Kind::kArray:
        if (place.each != kNoNode) {
          parts.push_back(plan_for(what.parts.front(), place.each));
        } else if (place.is_leaf()) {
          parts.push_back(plan_for(what.parts.front(), node));
        }
        break;
      case Kind::kMap:
        for (const FieldNode::Child& child : place.children) {
          parts.push_back(plan_for(what.parts.front(), child.node));
        }
        break;
      default:
        break;
    }
    plans_[index].parts = std::move(parts);
    return index;
  }

  bool walk(std::uint32_t index) {
    const Plan& plan = plans_[index];
    const AvroType& type = schema_.type(plan.type);
    const FieldNode& node = tree_.node(plan.node);
    switch (type.kind) {
      case Kind::kRecord:
        if (!node.enters_objects()) return refuse_structure(node, type.kind);
        for (std::size_t i = 0; i < type.parts.size(); ++i) {
          const bool read = plan.parts[i] == kPass ? pass(type.parts[i], 0) : walk(plan.parts[i]);
          if (!read) return false;
        }
        return true;
      case Kind::kUnion: {
        std::int64_t branch = 0;
        if (!read_long(branch)) return false;
        if (branch < 0 || static_cast<std::size_t>(branch) >= type.parts.size()) return damaged();
        return walk(plan.parts[static_cast<std::size_t>(branch)]);
      }
      case Kind::kArray:
        return walk_array(plan, type, node);
      case Kind::kMap:
        return walk_map(plan, type, node);
      case Kind::kNull:
        return true;
      default:
        break;
    }
    if (!node.is_leaf()) {
      return builder_->refuse(node, fmt::format("{}, where {} is expected", to_string(type.kind),
                                                node.each == kNoNode ? "a record" : "a list"));
    }
    return read_scalar(type, node);
  }

  bool walk_array(const Plan& plan, const AvroType& type, const FieldNode& node) {
    if (plan.parts.empty()) {
      return builder_->refuse(node, fmt::format("a list; a path to a field of its elements is "
                                                "{}[].NAME",
                                                node.path));
    }
    const AvroType& element = schema_.type(type.parts.front());
    if (node.each == kNoNode && element.kind == Kind::kArray) {
      return builder_->refuse(node, "a list in a list");
    }
    const bool sample = node.each != kNoNode && tree_.node(node.each).sample;
    return for_each_block(element, [&] {
      if (!walk(plan.parts.front())) return false;
      if (sample) builder_->end_element();
      return true;
    });
  }

  bool walk_map(const Plan& plan, const AvroType& type, const FieldNode& node) {
    if (!node.enters_objects()) return refuse_structure(node, type.kind);
    static const AvroType kText{.kind = Kind::kString};  // every entry has at least its key
    return for_each_block(kText, [&] {
      std::string_view key;
      if (!read_bytes(key)) return false;
      for (std::size_t i = 0; i < node.children.size(); ++i) {
        if (node.children[i].name == key) return walk(plan.parts[i]);
      }
      return pass(type.parts.front(), 0);
    });
  }

  // The elements of an array or a map: blocks of them, the last one empty.
  template <class Read>
  bool for_each_block(const AvroType& element, Read read) {
    for (;;) {
      std::uint64_t count = 0;
      std::uint64_t bytes = 0;
      if (!read_block(count, bytes)) return false;
      if (count == 0) return true;
      // Elements without bytes say nothing, however many there are claimed to be.
      if (element.empty) continue;
      for (; count > 0; --count) {
        if (in_.left() == 0) return damaged();
        if (!read()) return false;
      }
    }
  }

  bool read_block(std::uint64_t& count, std::uint64_t& bytes) {
    return in_.read_block(count, bytes) || damaged();
  }

  bool read_scalar(const AvroType& type, const FieldNode& node) {
    switch (type.kind) {
      case Kind::kBoolean: {
        bool value = false;
        return in_.read_boolean(value) ? builder_->add(node, Scalar::of(value)) : damaged();
      }
      case Kind::kInt:
      case Kind::kLong: {
        std::int64_t value = 0;
        return read_long(value) && builder_->add(node, Scalar::of(value));
      }
      case Kind::kFloat: {
        float value = 0;
        return in_.read_raw(value) ? builder_->add(node, Scalar::of(static_cast<double>(value)))
                                   : damaged();
      }
      case Kind::kDouble: {
        double value = 0;
        return in_.read_raw(value) ? builder_->add(node, Scalar::of(value)) : damaged();
      }
      case Kind::kEnum: {
        std::int64_t symbol = 0;
        if (!read_long(symbol)) return false;
        if (symbol < 0 || static_cast<std::size_t>(symbol) >= type.names.size()) return damaged();
        return builder_->add(
            node, Scalar::of(std::string_view(type.names[static_cast<std::size_t>(symbol)])));
      }
      case Kind::kFixed: {
        std::string_view text;
        return in_.read_fixed(type.size, text) ? builder_->add(node, Scalar::of(text)) : damaged();
      }
      case Kind::kBytes:
      case Kind::kString: {
        std::string_view text;
        return read_bytes(text) && builder_->add(node, Scalar::of(text));
      }
      default:
        return true;
    }
  }

  // Moves behind a value that nobody asked for.
  bool pass(std::uint32_t index, int depth) {
    const AvroType& type = schema_.type(index);
    if (type.empty) return true;  // however many records are nested in it
    std::int64_t number = 0;
    switch (type.kind) {
      case Kind::kNull:
        return true;
      case Kind::kBoolean:
        return skip(1);
      case Kind::kInt:
      case Kind::kLong:
      case Kind::kEnum:
        return read_long(number);
      case Kind::kFloat:
        return skip(sizeof(float));
      case Kind::kDouble:
        return skip(sizeof(double));
      case Kind::kFixed:
        return skip(type.size);
      case Kind::kBytes:
      case Kind::kString:
        return read_long(number) &&
               (number >= 0 ? skip(static_cast<std::uint64_t>(number)) : damaged());
      case Kind::kRecord:
      case Kind::kUnion:
      case Kind::kArray:
      case Kind::kMap:
        break;
    }
    if (depth == kMaxDepth) {
      return builder_->refuse_record(fmt::format("it nests deeper than {} levels", kMaxDepth));
    }
    if (type.kind == Kind::kUnion) {
      if (!read_long(number)) return false;
      if (number < 0 || static_cast<std::size_t>(number) >= type.parts.size()) return damaged();
      return pass(type.parts[static_cast<std::size_t>(number)], depth + 1);
    }
    if (type.kind != Kind::kRecord) return pass_blocks(type, depth);
    for (const std::uint32_t part : type.parts) {
      if (!pass(part, depth + 1)) return false;
    }
    return true;
  }

  bool pass_blocks(const AvroType& type, int depth) {
    const bool map = type.kind == Kind::kMap;
    for (;;) {
      std::uint64_t count = 0;
      std::uint64_t bytes = 0;
      if (!read_block(count, bytes)) return false;
      if (count == 0) return true;
      if (bytes > 0) {
        if (!skip(bytes)) return false;
        continue;
      }
      if (!map && schema_.type(type.parts.front()).empty) continue;
      for (; count > 0; --count) {
        std::string_view key;
        if (in_.left() == 0 || (map && !in_.read_bytes(key))) return damaged();
        if (!pass(type.parts.front(), depth + 1)) return false;
      }
    }
  }

  bool refuse_structure(const FieldNode& node, Kind kind) {
    return builder_->refuse(node, fmt::format("{}, where a value is expected; a path to a field of "
                                              "it is {}.NAME",
                                              to_string(kind), node.path));
  }

  bool damaged() {
    return builder_->refuse_record(
        "the record does not fit its schema: it is damaged, or was written with another one");
  }

  bool skip(std::uint64_t bytes) { return in_.skip(bytes) || damaged(); }
  bool read_long(std::int64_t& value) { return in_.read_long(value) || damaged(); }
  bool read_bytes(std::string_view& bytes) { return in_.read_bytes(bytes) || damaged(); }

  AvroSchema schema_;
  const FieldTree& tree_;
  std::vector<Plan> plans_;
  std::map<std::pair<std::uint32_t, NodeIndex>, std::uint32_t> plan_of_;
  std::uint32_t root_;

  AvroReader in_;
  SampleBuilder* builder_ = nullptr;
};

}  // namespace

std::unique_ptr<RecordDecoder> make_avro_decoder(AvroSchema schema, const FieldTree& tree) {
  return std::make_unique<AvroDecoder>(std::move(schema), tree);
}

}  // namespace remapd::decode
