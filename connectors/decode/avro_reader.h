// AvroReader: the primitives of Avro's binary encoding, one after another, never beyond the bytes
// there are. False: they are damaged, and nothing more can be read.
//
// Not thread safe; `bytes` must outlive it and what it hands out.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/base/bytes.h"

namespace remapd::decode {

class AvroReader {
 public:
  AvroReader() = default;
  explicit AvroReader(ByteView bytes)
      : at_(reinterpret_cast<const std::uint8_t*>(bytes.data())), end_(at_ + bytes.size()) {}

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  [[nodiscard]] bool skip(std::uint64_t bytes) {
    if (bytes > left()) return false;
    at_ += bytes;
    return true;
  }

  [[nodiscard]] bool read_long(std::int64_t& value) {
    std::uint64_t zigzag = 0;
    for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const std::uint8_t byte = *at_++;
      zigzag |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) {
        value = static_cast<std::int64_t>((zigzag >> 1) ^ (0 - (zigzag & 1)));
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] bool read_boolean(bool& value) {
    if (at_ == end_ || *at_ > 1) return false;
    value = *at_++ == 1;
    return true;
  }

  // A view of the bytes read from. Of a string or bytes, and of a fixed.
  [[nodiscard]] bool read_bytes(std::string_view& bytes) {
    std::int64_t size = 0;
    return read_long(size) && size >= 0 && read_fixed(static_cast<std::uint64_t>(size), bytes);
  }
  [[nodiscard]] bool read_fixed(std::uint64_t size, std::string_view& bytes) {
    if (size > left()) return false;
    bytes = {reinterpret_cast<const char*>(at_), static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }

  // A float or a double.
  template <class T>
  [[nodiscard]] bool read_raw(T& value) {
    static_assert(std::endian::native == std::endian::little);
    if (left() < sizeof value) return false;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return true;
  }

  // The head of a block of an array or a map: how many elements, 0 after the last block, and how
  // many bytes they take, if that is told, else 0.
  [[nodiscard]] bool read_block(std::uint64_t& count, std::uint64_t& bytes) {
    std::int64_t number = 0;
    if (!read_long(number)) return false;
    bytes = 0;
    if (number < 0) {
      std::int64_t size = 0;
      if (!read_long(size) || size < 0) return false;
      bytes = static_cast<std::uint64_t>(size);
      number = static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(number));
      if (number < 0) return false;
    }
    count = static_cast<std::uint64_t>(number);
    return true;
  }

 private:
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
};

}  // namespace remapd::decode
