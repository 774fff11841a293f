// The rule for ids: which 64 bits a value stands for. The same in every format of events, client,
// tool and HTTP request; docs/formats.md, "Ids", has it in words, with values that tests pin.
//
//   integer of -2^63 .. 2^64 - 1     its 64 bits, two's complement: -1 is 18446744073709551615
//   123.0, a number without fraction the integer
//   decimal text ("123", " 007 ",    the integer. Blanks around the text, a plus sign, leading
//   "+5", "-1", "123.0")             zeros and a fraction of zeros make no difference
//   any other text ("B00X", "1e5",   hash_text() of its UTF-8 bytes, without the blanks around it
//   "123.5", "18446744073709551616")
//   null, text of nothing but blanks no id: there is none in this place
//   123.5, NaN, a boolean, a list    refused, see id_refusal()
//
// Pure functions: thread safe. O(length of the text).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"

namespace remapd::fields {

constexpr Id id_of_integer(std::uint64_t value) {
  return value;
}
constexpr Id id_of_integer(std::int64_t value) {
  return static_cast<Id>(value);
}

// A whole number of at most 2^53 either way. None for others: beyond that a double may have been
// rounded from another id.
std::optional<Id> id_of_double(double value);

// None only for a text of nothing but blanks, which is no id.
std::optional<Id> id_of_text(std::string_view text);

// A number as JSON writes it. None: it is refused. Digits, with or without a fraction of zeros, are
// exact up to 64 bits; with an exponent id_of_double() decides.
std::optional<Id> id_of_number(std::string_view literal);

// Why `value`, as it was sent, is no id; to be prefixed by the name of its field.
std::string id_refusal(std::string_view value);

}  // namespace remapd::fields
