#include "core/mapping/id_index.h"

#include <algorithm>

#include "core/base/check.h"

namespace remapd::mapping {
namespace {

constexpr std::size_t kBlock = 32;     // ids
constexpr std::size_t kLine = 8;       // ids
constexpr std::size_t kTogether = 32;  // searches

// Of each search: in sorted[at[i], at[i] + left) the last id not above the wanted one, or the first
// id. No branch, for which way it goes cannot be guessed.
void narrow(const Id* sorted, std::size_t left, std::span<const Id> wanted, std::size_t* at) {
  while (left > 1) {
    const std::size_t half = left / 2;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      at[i] += (sorted[at[i] + half] <= wanted[i] ? 1 : 0) * half;
    }
    left -= half;
  }
}

}  // namespace

IdIndex::IdIndex(std::span<const Id> ids) : ids_(ids) {
  firsts_.reserve(ids.size() / kBlock + 1);
  for (std::size_t i = 0; i < ids.size(); i += kBlock) firsts_.push_back(ids[i]);
}

void IdIndex::find(std::span<const Id> wanted, std::span<std::size_t> places) const {
  REMAPD_CHECK(wanted.size() == places.size(), "find() tells of each id where it stands");
  if (ids_.empty()) {
    std::ranges::fill(places, std::size_t{0});
    return;
  }
  // The last block begins so that it is a whole one, too.
  const std::size_t block = std::min(kBlock, ids_.size());
  const std::size_t last = ids_.size() - block;
  for (std::size_t first = 0; first < wanted.size(); first += kTogether) {
    const auto some = wanted.subspan(first, std::min(kTogether, wanted.size() - first));
    std::size_t at[kTogether] = {};
    narrow(firsts_.data(), firsts_.size(), some, at);
    for (std::size_t i = 0; i < some.size(); ++i) {
      at[i] = std::min(at[i] * kBlock, last);
      for (std::size_t id = 0; id < block; id += kLine) __builtin_prefetch(&ids_[at[i] + id]);
    }
    narrow(ids_.data(), block, some, at);
    for (std::size_t i = 0; i < some.size(); ++i) {
      places[first + i] = ids_[at[i]] == some[i] ? at[i] : ids_.size();
    }
  }
}

}  // namespace remapd::mapping
