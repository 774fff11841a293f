#include "connectors/decode/avro_schema.h"

#include <map>
#include <memory>

#include <avro/errors.h>
#include <avro/legacy.h>
#include <avro/schema.h>
#include <fmt/format.h>

namespace remapd::decode {

using Kind = AvroType::Kind;

namespace {

struct SchemaDeleter {
  void operator()(avro_schema_t schema) const { avro_schema_decref(schema); }
};
using SchemaHandle = std::unique_ptr<std::remove_pointer_t<avro_schema_t>, SchemaDeleter>;

constexpr std::size_t kMaxSchemaBytes = std::size_t{16} << 20;

}  // namespace

// From avro-c's objects to the table; a link leads to the type that bears its name.
class AvroSchemaReader {
 public:
  explicit AvroSchemaReader(AvroSchema& schema) : types_(schema.types_) {}

  std::uint32_t add(avro_schema_t schema) {
    if (avro_typeof(schema) == AVRO_LINK) schema = avro_schema_link_target(schema);
    if (const auto known = known_.find(schema); known != known_.end()) return known->second;
    const auto index = static_cast<std::uint32_t>(types_.size());
    known_.emplace(schema, index);
    types_.emplace_back();
    AvroType type = read(schema);
    types_[index] = std::move(type);
    return index;
  }

  // A record that contains itself has bytes: those that say whether it goes on.
  void find_empty() {
    for (bool changed = true; changed;) {
      changed = false;
      // Parts come after what they are parts of: from behind one pass is enough, as a rule.
      for (auto at = types_.rbegin(); at != types_.rend(); ++at) {
        AvroType& type = *at;
        const bool may_be_empty = type.kind == Kind::kNull || type.kind == Kind::kRecord ||
                                  (type.kind == Kind::kFixed && type.size == 0);
        bool empty = may_be_empty;
        for (const std::uint32_t part : type.parts) empty = empty && types_[part].empty;
        changed = changed || empty != type.empty;
        type.empty = empty;
      }
    }
  }

 private:
  AvroType read(avro_schema_t schema) {
    AvroType type;
    switch (avro_typeof(schema)) {
      case AVRO_STRING:
        type.kind = Kind::kString;
        break;
      case AVRO_BYTES:
        type.kind = Kind::kBytes;
        break;
      case AVRO_INT32:
        type.kind = Kind::kInt;
        break;
      case AVRO_INT64:
        type.kind = Kind::kLong;
        break;
      case AVRO_FLOAT:
        type.kind = Kind::kFloat;
        break;
      case AVRO_DOUBLE:
        type.kind = Kind::kDouble;
        break;
      case AVRO_BOOLEAN:
        type.kind = Kind::kBoolean;
        break;
      case AVRO_NULL:
      case AVRO_LINK:
        break;
      case AVRO_RECORD:
        type.kind = Kind::kRecord;
        for (int i = 0; i < static_cast<int>(avro_schema_record_size(schema)); ++i) {
          type.names.emplace_back(avro_schema_record_field_name(schema, i));
          type.parts.push_back(add(avro_schema_record_field_get_by_index(schema, i)));
        }
        break;
      case AVRO_ENUM:
        type.kind = Kind::kEnum;
        for (int i = 0; i < avro_schema_enum_number_of_symbols(schema); ++i) {
          type.names.emplace_back(avro_schema_enum_get(schema, i));
        }
        break;
      case AVRO_FIXED:
        type.kind = Kind::kFixed;
        type.size = static_cast<std::uint64_t>(avro_schema_fixed_size(schema));
        break;
      case AVRO_MAP:
        type.kind = Kind::kMap;
        type.parts.push_back(add(avro_schema_map_values(schema)));
        break;
      case AVRO_ARRAY:
        type.kind = Kind::kArray;
        type.parts.push_back(add(avro_schema_array_items(schema)));
        break;
      case AVRO_UNION:
        type.kind = Kind::kUnion;
        for (int i = 0; i < static_cast<int>(avro_schema_union_size(schema)); ++i) {
          type.parts.push_back(add(avro_schema_union_branch(schema, i)));
        }
        break;
    }
    return type;
  }

  std::vector<AvroType>& types_;
  std::map<avro_schema_t, std::uint32_t> known_;
};

Result<AvroSchema> AvroSchema::parse(std::string_view schema,
                                     const std::vector<std::string>& references) {
  // Named types are known to what comes after them in one text: references and schema are read as
  // the branches of a union, of which the last is meant.
  std::string text;
  for (const std::string& reference : references) text += (text.empty() ? "[" : ",") + reference;
  text += text.empty() ? std::string(schema) : "," + std::string(schema) + "]";
  if (text.size() > kMaxSchemaBytes) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("the schema has {} bytes, more than {}", text.size(), kMaxSchemaBytes));
  }
  avro_schema_t parsed = nullptr;
  if (avro_schema_from_json_length(text.data(), text.size(), &parsed) != 0) {
    return fail(ErrorCode::kCorrupt, fmt::format("no Avro schema: {}", avro_strerror()));
  }
  const SchemaHandle handle(parsed);
  AvroSchema result;
  AvroSchemaReader reader(result);
  result.root_ = reader.add(parsed);
  if (!references.empty()) result.root_ = result.types_[result.root_].parts.back();
  reader.find_empty();
  return result;
}

}  // namespace remapd::decode
