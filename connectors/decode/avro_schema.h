// AvroSchema: a schema in Avro's JSON as a table of types that refer to each other by number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remapd::decode {

struct AvroType {
  enum class Kind : std::uint8_t {
    kNull,
    kBoolean,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kBytes,
    kString,
    kFixed,
    kEnum,
    kRecord,
    kArray,
    kMap,
    kUnion,
  };

  Kind kind = Kind::kNull;
  std::vector<std::uint32_t> parts{};  // types of the fields, the branches, the elements or values
  std::vector<std::string> names{};    // of the fields or symbols
  std::uint64_t size = 0;              // of a fixed
  bool empty = false;                  // takes no bytes: null, and records of nothing else
};

class AvroSchema {
 public:
  // kCorrupt saying what is wrong with it. `references` are schemas of named types that `schema`
  // uses, each after those that it uses itself.
  static Result<AvroSchema> parse(std::string_view schema,
                                  const std::vector<std::string>& references);

  const AvroType& type(std::uint32_t index) const { return types_[index]; }
  std::size_t size() const { return types_.size(); }
  std::uint32_t root() const { return root_; }

 private:
  friend class AvroSchemaReader;

  std::vector<AvroType> types_;
  std::uint32_t root_ = 0;
};

}  // namespace remapd::decode
