#include "core/base/hash.h"

#include <new>

#include <xxhash.h>

namespace remapd {

std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

std::uint64_t checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Checksum::Checksum() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state_);
}

Checksum::~Checksum() {
  XXH3_freeState(state_);
}

void Checksum::add(std::span<const std::byte> piece) {
  XXH3_64bits_update(state_, piece.data(), piece.size());
}

std::uint64_t Checksum::value() const {
  return XXH3_64bits_digest(state_);
}

}  // namespace remapd
