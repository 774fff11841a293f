// Scalar: one value of a record, whatever format it came in.
#pragma once

#include <cstdint>
#include <string_view>

namespace remapd::decode {

struct Scalar {
  enum class Kind : std::uint8_t { kSigned, kUnsigned, kDouble, kBool, kText, kNumber };

  static Scalar of(std::int64_t value) { return {.kind = Kind::kSigned, .integer = value}; }
  static Scalar of(std::uint64_t value) { return {.kind = Kind::kUnsigned, .natural = value}; }
  static Scalar of(double value) { return {.kind = Kind::kDouble, .number = value}; }
  static Scalar of(bool value) { return {.kind = Kind::kBool, .truth = value}; }
  // `text` must outlive the scalar.
  static Scalar of(std::string_view text) { return {.kind = Kind::kText, .text = text}; }
  // A number as it was written, of any size.
  static Scalar of_number(std::string_view literal) {
    return {.kind = Kind::kNumber, .text = literal};
  }

  Kind kind = Kind::kText;
  std::int64_t integer = 0;
  std::uint64_t natural = 0;
  double number = 0;
  bool truth = false;
  std::string_view text{};
};

}  // namespace remapd::decode
