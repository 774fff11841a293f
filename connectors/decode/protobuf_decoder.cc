#include "connectors/decode/protobuf_decoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

namespace remapd::decode {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;

constexpr int kMaxGroupDepth = 100;
constexpr std::uint32_t kNoPlan = ~std::uint32_t{0};

enum WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kLengthDelimited = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

WireType wire_type_of(Field::Type type) {
  switch (type) {
    case Field::TYPE_DOUBLE:
    case Field::TYPE_FIXED64:
    case Field::TYPE_SFIXED64:
      return kFixed64;
    case Field::TYPE_FLOAT:
    case Field::TYPE_FIXED32:
    case Field::TYPE_SFIXED32:
      return kFixed32;
    case Field::TYPE_STRING:
    case Field::TYPE_BYTES:
    case Field::TYPE_MESSAGE:
      return kLengthDelimited;
    case Field::TYPE_GROUP:
      return kStartGroup;
    default:
      return kVarint;
  }
}

bool is_wrapper(const pb::Descriptor& message) {
  static constexpr std::array<std::string_view, 9> kWrappers = {
      "google.protobuf.DoubleValue", "google.protobuf.FloatValue",  "google.protobuf.Int64Value",
      "google.protobuf.UInt64Value", "google.protobuf.Int32Value",  "google.protobuf.UInt32Value",
      "google.protobuf.BoolValue",   "google.protobuf.StringValue", "google.protobuf.BytesValue"};
  return std::find(kWrappers.begin(), kWrappers.end(), message.full_name()) != kWrappers.end();
}

// A stretch of bytes that is read from its front.
struct Wire {
  const std::uint8_t* at = nullptr;
  const std::uint8_t* end = nullptr;

  std::size_t left() const { return static_cast<std::size_t>(end - at); }
  bool read_varint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 70 && at != end; shift += 7) {
      const std::uint8_t byte = *at++;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << std::min(shift, 63);
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }
  template <class T>
  bool read_fixed(T& value) {
    static_assert(std::endian::native == std::endian::little);
    if (left() < sizeof value) return false;
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
    return true;
  }
  bool read_bytes(Wire& bytes) {
    std::uint64_t size = 0;
    if (!read_varint(size) || size > left()) return false;
    bytes = {at, at + size};
    at = bytes.end;
    return true;
  }
  std::string_view text() const { return {reinterpret_cast<const char*>(at), left()}; }
};

bool pass(Wire& wire, std::uint64_t tag, int depth) {
  std::uint64_t number = 0;
  Wire bytes;
  switch (tag & 7) {
    case kVarint:
      return wire.read_varint(number);
    case kFixed64:
      return wire.read_fixed(number);
    case kLengthDelimited:
      return wire.read_bytes(bytes);
    case kFixed32: {
      std::uint32_t value = 0;
      return wire.read_fixed(value);
    }
    case kStartGroup:
      if (depth == kMaxGroupDepth) return false;
      for (std::uint64_t inner = 0;;) {
        if (!wire.read_varint(inner)) return false;
        if ((inner & 7) == kEndGroup) return inner >> 3 == tag >> 3;
        if (!pass(wire, inner, depth + 1)) return false;
      }
    default:
      return false;
  }
}

class ProtobufDecoder final : public RecordDecoder {
 public:
  ProtobufDecoder(ProtobufSchema schema, const pb::Descriptor& message, const FieldTree& tree)
      : schema_(std::move(schema)),
        name_(message.full_name()),
        tree_(tree),
        root_(plan_for(message, kRootNode)) {}

  bool read(ByteView record, SampleBuilder& builder) override {
    builder.begin();
    builder_ = &builder;
    pending_.clear();
    const auto* begin = reinterpret_cast<const std::uint8_t*>(record.data());
    return read_message({begin, begin + record.size()}, root_);
  }

 private:
  // One field of a message that a path leads through or to.
  struct Entry {
    const Field* field;
    NodeIndex node;
    std::uint32_t message = kNoPlan;  // what its messages are read by
    bool single = false;              // a plain value of which the last counts
  };
  // A message type at a node of the tree.
  struct Plan {
    const pb::Descriptor* type;
    NodeIndex node;
    std::vector<Entry> entries{};  // ascending by field number
    std::size_t singles = 0;
  };
  // The value of a single field, until its message has been read.
  struct Pending {
    bool present = false;
    std::uint64_t bits = 0;
    std::string_view text{};
  };

  std::uint32_t plan_for(const pb::Descriptor& type, NodeIndex node) {
    const auto [known, is_new] = plan_of_.try_emplace({&type, node}, 0);
    if (!is_new) return known->second;
    const auto index = static_cast<std::uint32_t>(plans_.size());
    known->second = index;
    plans_.push_back({.type = &type, .node = node});
    std::vector<Entry> entries;
    std::size_t singles = 0;
    for (int i = 0; i < type.field_count(); ++i) {
      const Field* field = type.field(i);
      NodeIndex child = tree_.child_of(node, field->name());
      if (child == kNoNode) child = tree_.child_of(node, field->json_name());
      if (child == kNoNode) continue;
      Entry entry{.field = field, .node = child};
      if (field->is_map()) {
        const auto* value = field->message_type()->map_value()->message_type();
        for (std::size_t c = 0; value != nullptr && c < tree_.node(child).children.size(); ++c) {
          plan_for(*value, tree_.node(child).children[c].node);
        }
      } else if (field->message_type() != nullptr) {
        const NodeIndex each = tree_.node(child).each;
        entry.message = plan_for(*field->message_type(),
                                 field->is_repeated() && each != kNoNode ? each : child);
      } else {
        entry.single = !field->is_repeated();
        singles += entry.single ? 1 : 0;
      }
      entries.push_back(entry);
    }
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.field->number() < b.field->number(); });
    plans_[index].entries = std::move(entries);
    plans_[index].singles = singles;
    return index;
  }

  bool read_message(Wire wire, std::uint32_t index) {
    const Plan& plan = plans_[index];
    const std::size_t first = pending_.size();
    pending_.resize(first + plan.entries.size());
    std::size_t hint = 0;  // fields come in ascending order, as a rule
    while (wire.at != wire.end) {
      std::uint64_t tag = 0;
      if (!wire.read_varint(tag) || tag >> 3 == 0 || tag >> 3 > Field::kMaxNumber) return damaged();
      const std::size_t at = entry_of(plan, static_cast<int>(tag >> 3), hint);
      if (at == plan.entries.size()) {
        if (!pass(wire, tag, 0)) return damaged();
        continue;
      }
      hint = at;
      if (!read_field(wire, tag, plan.entries[at], pending_[first + at])) return false;
    }
    for (std::size_t i = 0; plan.singles > 0 && i < plan.entries.size(); ++i) {
      if (plan.entries[i].single && !add_single(plan.entries[i], pending_[first + i])) return false;
    }
    pending_.resize(first);
    return true;
  }

  static std::size_t entry_of(const Plan& plan, int number, std::size_t hint) {
    for (std::size_t at = hint; at < plan.entries.size(); ++at) {
      if (plan.entries[at].field->number() == number) return at;
      if (plan.entries[at].field->number() > number) break;
    }
    for (std::size_t at = 0; at < hint; ++at) {
      if (plan.entries[at].field->number() == number) return at;
    }
    return plan.entries.size();
  }

  bool read_field(Wire& wire, std::uint64_t tag, const Entry& entry, Pending& pending) {
    const Field& field = *entry.field;
    const FieldNode& node = tree_.node(entry.node);
    const WireType expected = wire_type_of(field.type());
    const auto found = static_cast<WireType>(tag & 7);
    if (field.is_repeated() && found == kLengthDelimited && expected != kLengthDelimited) {
      Wire packed;
      if (!wire.read_bytes(packed)) return damaged();
      while (packed.at != packed.end) {
        if (!read_element(packed, entry, node)) return false;
      }
      return true;
    }
    if (found != expected) {
      return builder_->refuse(
          node, fmt::format("not of the type that the schema says: is the record a {}?", name_));
    }
    if (expected == kStartGroup) {
      return builder_->refuse(node, "a group, which is not supported");
    }
    if (field.is_map()) return read_map_entry(wire, field, node);
    if (field.message_type() != nullptr) return read_submessage(wire, entry, node);
    if (field.is_repeated()) return read_element(wire, entry, node);
    pending.present = true;
    return read_plain(wire, field, pending) || damaged();
  }

  // One value of a repeated field.
  bool read_element(Wire& wire, const Entry& entry, const FieldNode& node) {
    Pending value;
    if (!read_plain(wire, *entry.field, value)) return damaged();
    if (node.each == kNoNode) return add(*entry.field, node, value);
    const FieldNode& each = tree_.node(node.each);
    if (!add(*entry.field, each, value)) return false;
    if (each.sample) builder_->end_element();
    return true;
  }

  bool read_submessage(Wire& wire, const Entry& entry, const FieldNode& at) {
    Wire bytes;
    if (!wire.read_bytes(bytes)) return damaged();
    const Field& field = *entry.field;
    if (field.is_repeated() && at.each == kNoNode) {
      return builder_->refuse(at, fmt::format("a list; a path to a field of its elements is "
                                              "{}[].NAME",
                                              at.path));
    }
    const FieldNode& node = field.is_repeated() ? tree_.node(at.each) : at;
    if (!field.is_repeated() && node.each != kNoNode) {
      return builder_->refuse(node, "a message, where a list is expected");
    }
    bool read = true;
    if (node.enters_objects()) {
      read = read_message(bytes, entry.message);
    } else if (is_wrapper(*field.message_type())) {
      read = read_wrapper(bytes, *field.message_type(), node);
    } else if (field.message_type()->full_name() == "google.protobuf.Timestamp") {
      read = read_timestamp(bytes, node);
    } else if (node.is_leaf()) {
      read = builder_->refuse(node, fmt::format("a message, where a value is expected; a path to a "
                                                "field of it is {}.NAME",
                                                node.path));
    }
    if (read && node.sample) builder_->end_element();
    return read;
  }

  bool read_wrapper(Wire wire, const pb::Descriptor& type, const FieldNode& node) {
    const Field& field = *type.FindFieldByNumber(1);
    Pending value;
    while (wire.at != wire.end) {
      std::uint64_t tag = 0;
      if (!wire.read_varint(tag)) return damaged();
      const bool own = tag >> 3 == 1 && (tag & 7) == wire_type_of(field.type());
      if (!(own ? read_plain(wire, field, value) : pass(wire, tag, 0))) return damaged();
    }
    return add(field, node, value);
  }

  bool read_timestamp(Wire wire, const FieldNode& node) {
    std::array<std::uint64_t, 2> parts{};  // seconds, nanos
    while (wire.at != wire.end) {
      std::uint64_t tag = 0;
      if (!wire.read_varint(tag)) return damaged();
      const bool own = (tag >> 3 == 1 || tag >> 3 == 2) && (tag & 7) == kVarint;
      if (!(own ? wire.read_varint(parts[(tag >> 3) - 1]) : pass(wire, tag, 0))) return damaged();
    }
    const std::int64_t ms = static_cast<std::int64_t>(parts[0] * 1000) +
                            static_cast<std::int32_t>(parts[1]) / 1'000'000;
    return builder_->add(node, Scalar::of(ms));
  }

  // The key is field 1 of an entry, the value field 2; each has its default where it is not there.
  bool read_map_entry(Wire& wire, const Field& map, const FieldNode& node) {
    Wire bytes;
    if (!wire.read_bytes(bytes)) return damaged();
    const Field& key_field = *map.message_type()->map_key();
    const Field& value_field = *map.message_type()->map_value();
    Pending key;
    Pending value;
    Wire message;
    while (bytes.at != bytes.end) {
      std::uint64_t tag = 0;
      if (!bytes.read_varint(tag)) return damaged();
      bool read = false;
      if (tag >> 3 == 1 && (tag & 7) == wire_type_of(key_field.type())) {
        read = read_plain(bytes, key_field, key);
      } else if (tag >> 3 == 2 && (tag & 7) == wire_type_of(value_field.type())) {
        read = value_field.message_type() != nullptr ? bytes.read_bytes(message)
                                                     : read_plain(bytes, value_field, value);
      } else {
        read = pass(bytes, tag, 0);
      }
      if (!read) return damaged();
    }
    if (!node.enters_objects()) {
      return builder_->refuse(
          node, fmt::format("a map; a path to the value of a key of it is {}.KEY", node.path));
    }
    const std::string name = key_field.type() == Field::TYPE_STRING
                                 ? std::string(key.text)
                                 : fmt::format("{}", static_cast<std::int64_t>(key.bits));
    const auto child = std::find_if(node.children.begin(), node.children.end(),
                                    [&](const auto& c) { return c.name == name; });
    if (child == node.children.end()) return true;
    if (value_field.message_type() != nullptr) {
      const auto plan = plan_of_.at({value_field.message_type(), child->node});
      return read_message(message, plan);
    }
    return add(value_field, tree_.node(child->node), value);
  }

  static bool read_plain(Wire& wire, const Field& field, Pending& value) {
    switch (wire_type_of(field.type())) {
      case kFixed64:
        return wire.read_fixed(value.bits);
      case kFixed32: {
        std::uint32_t bits = 0;
        if (!wire.read_fixed(bits)) return false;
        value.bits = bits;
        return true;
      }
      case kLengthDelimited: {
        Wire bytes;
        if (!wire.read_bytes(bytes)) return false;
        value.text = bytes.text();
        return true;
      }
      default:
        return wire.read_varint(value.bits);
    }
  }

  bool add_single(const Entry& entry, const Pending& value) {
    if (!value.present && entry.field->has_presence()) return true;
    Pending taken = value;
    if (!value.present && entry.field->type() == Field::TYPE_ENUM) taken.bits = 0;
    return add(*entry.field, tree_.node(entry.node), taken);
  }

  bool add(const Field& field, const FieldNode& node, const Pending& value) {
    if (!node.is_leaf()) {
      if (!node.enters_objects() && node.each == kNoNode) return true;  // a list of samples alone
      return builder_->refuse(node, fmt::format("a plain value, where {} is expected",
                                                node.each == kNoNode ? "a message" : "a list"));
    }
    switch (field.type()) {
      case Field::TYPE_DOUBLE:
        return builder_->add(node, Scalar::of(std::bit_cast<double>(value.bits)));
      case Field::TYPE_FLOAT:
        return builder_->add(node, Scalar::of(static_cast<double>(std::bit_cast<float>(
                                       static_cast<std::uint32_t>(value.bits)))));
      case Field::TYPE_BOOL:
        return builder_->add(node, Scalar::of(value.bits != 0));
      case Field::TYPE_STRING:
      case Field::TYPE_BYTES:
        return builder_->add(node, Scalar::of(value.text));
      case Field::TYPE_UINT64:
      case Field::TYPE_FIXED64:
        return builder_->add(node, Scalar::of(value.bits));
      case Field::TYPE_UINT32:
      case Field::TYPE_FIXED32:
        return builder_->add(node,
                             Scalar::of(std::uint64_t{static_cast<std::uint32_t>(value.bits)}));
      case Field::TYPE_INT32:
      case Field::TYPE_SFIXED32:
        return builder_->add(node, Scalar::of(std::int64_t{static_cast<std::int32_t>(value.bits)}));
      case Field::TYPE_SINT32:
      case Field::TYPE_SINT64:
        return builder_->add(node, Scalar::of(static_cast<std::int64_t>((value.bits >> 1) ^
                                                                        (0 - (value.bits & 1)))));
      case Field::TYPE_ENUM: {
        const auto number = static_cast<std::int32_t>(value.bits);
        const auto* name = field.enum_type()->FindValueByNumber(number);
        return builder_->add(node, name == nullptr ? Scalar::of(std::int64_t{number})
                                                   : Scalar::of(std::string_view(name->name())));
      }
      default:
        return builder_->add(node, Scalar::of(static_cast<std::int64_t>(value.bits)));
    }
  }

  bool damaged() {
    return builder_->refuse_record(
        fmt::format("it is no {} message: it is damaged, or of another type", name_));
  }

  ProtobufSchema schema_;
  std::string name_;
  const FieldTree& tree_;
  std::vector<Plan> plans_;
  std::map<std::pair<const pb::Descriptor*, NodeIndex>, std::uint32_t> plan_of_;
  std::uint32_t root_;

  std::vector<Pending> pending_;  // of the messages that are being read, the innermost last
  SampleBuilder* builder_ = nullptr;
};

}  // namespace

std::unique_ptr<RecordDecoder> make_protobuf_decoder(const ProtobufSchema& schema,
                                                     const pb::Descriptor& message,
                                                     const FieldTree& tree) {
  return std::make_unique<ProtobufDecoder>(schema, message, tree);
}

}  // namespace remapd::decode
