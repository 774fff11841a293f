// ByteWriter and ByteReader: little-endian serialisation, for all persisted formats.
//
// ByteReader never reads past its end: after the first short read it has failed, further reads give
// zero, and the caller checks ok() once. A length read from the bytes must be compared with
// remaining() before memory is allocated for it; get_vector() and get_string() do so.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace remapd {

static_assert(std::endian::native == std::endian::little,
              "persisted formats are little endian and are read in place");

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline constexpr std::size_t kSparseBlock = 1024;  // elements, of put_sparse()
// Elements of an array that is written as sparse lists, one after another (state_writer.h).
inline constexpr std::size_t kSparseRange = std::size_t{1} << 20;

class ByteWriter {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void put(const T& value) {
    const auto* p = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), p, p + sizeof(T));
  }

  // Elements only; the reader must know how many.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void put_array(std::span<const T> values) {
    const auto* p = reinterpret_cast<const std::byte*>(values.data());
    bytes_.insert(bytes_.end(), p, p + values.size_bytes());
  }

  // `count` elements, the i-th of them fn(i).
  template <class T, class Fn>
  void put_each(std::size_t count, Fn&& fn) {
    const std::size_t at = size();
    bytes_.resize(at + count * sizeof(T));
    for (std::size_t i = 0; i < count; ++i) {
      const T value = fn(i);
      std::memcpy(bytes_.data() + at + i * sizeof(T), &value, sizeof(T));
    }
  }

  // u64 count, then the elements.
  template <class T>
  void put_vector(const std::vector<T>& values) {
    put<std::uint64_t>(values.size());
    put_array(std::span<const T>(values));
  }

  // A large array that may be mostly zero: u64 count, u64 number of blocks that are not all zero,
  // and for each of those its u64 position (in blocks of kSparseBlock elements) and its elements.
  template <class T>
  void put_sparse(std::span<const T> values) {
    const auto used = [&](std::span<const T> block) {
      return std::any_of(block.begin(), block.end(), [](const T& v) { return v != T{}; });
    };
    put<std::uint64_t>(values.size());
    const std::size_t count_at = size();
    put<std::uint64_t>(0);
    std::uint64_t count = 0;
    for (std::size_t at = 0; at < values.size(); at += kSparseBlock) {
      const auto block = values.subspan(at, std::min(kSparseBlock, values.size() - at));
      if (!used(block)) continue;
      put<std::uint64_t>(at / kSparseBlock);
      put_array(block);
      ++count;
    }
    std::memcpy(bytes_.data() + count_at, &count, sizeof(count));
  }

  void put_string(std::string_view text) {
    put<std::uint64_t>(text.size());
    put_array(std::span<const char>(text.data(), text.size()));
  }

  void align(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }

  std::size_t size() const { return bytes_.size(); }
  Bytes& bytes() { return bytes_; }
  Bytes take() && { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  template <class T>
  requires std::is_trivially_copyable_v<T> T get() {
    T value{};
    if (!claim(sizeof(T))) return value;
    std::memcpy(&value, bytes_.data() + at_ - sizeof(T), sizeof(T));
    return value;
  }

  template <class T>
  requires std::is_trivially_copyable_v<T>
  void get_array(std::span<T> out) {
    if (!claim(out.size_bytes()) || out.empty()) return;
    std::memcpy(out.data(), bytes_.data() + at_ - out.size_bytes(), out.size_bytes());
  }

  template <class T>
  std::vector<T> get_vector() {
    const auto count = get<std::uint64_t>();
    if (failed_ || count > remaining() / sizeof(T)) {
      failed_ = true;
      return {};
    }
    std::vector<T> out(count);
    get_array(std::span<T>(out));
    return out;
  }

  // Reads put_sparse() into out, which is all zero; fails if the number of elements differs.
  template <class T>
  void get_sparse(std::span<T> out) {
    const auto size = get<std::uint64_t>();
    const auto count = get<std::uint64_t>();
    if (failed_ || size != out.size()) {
      failed_ = true;
      return;
    }
    std::uint64_t next = 0;
    for (std::uint64_t b = 0; b < count && !failed_; ++b) {
      const auto block = get<std::uint64_t>();
      if (block < next || block >= (out.size() + kSparseBlock - 1) / kSparseBlock) failed_ = true;
      if (failed_) return;
      const std::size_t at = block * kSparseBlock;
      get_array(out.subspan(at, std::min(kSparseBlock, out.size() - at)));
      next = block + 1;
    }
  }

  // Reads StateWriter::add_sparse() into out, which is all zero.
  template <class T>
  void get_sparse_ranges(std::span<T> out) {
    for (std::size_t at = 0; at < out.size() && !failed_; at += kSparseRange) {
      get_sparse(out.subspan(at, std::min(kSparseRange, out.size() - at)));
    }
  }

  std::string get_string() {
    const auto count = get<std::uint64_t>();
    if (failed_ || count > remaining()) {
      failed_ = true;
      return {};
    }
    std::string out(count, '\0');
    get_array(std::span<char>(out));
    return out;
  }

  void align(std::size_t to) { claim((to - at_ % to) % to); }

  // Fails the reader, as after a short read: for values that the caller finds invalid.
  void fail() { failed_ = true; }
  bool ok() const { return !failed_; }
  std::size_t position() const { return at_; }
  std::size_t remaining() const { return failed_ ? 0 : bytes_.size() - at_; }

 private:
  bool claim(std::size_t n) {
    if (failed_ || n > bytes_.size() - at_) {
      failed_ = true;
      return false;
    }
    at_ += n;
    return true;
  }

  ByteView bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace remapd
