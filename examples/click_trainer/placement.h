// Where the ids of a piece of the stream live in their embedding tables, and the simplest ways to
// place them: a row of their own, or a hash.
//
// Not thread safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "core/base/hash.h"
#include "core/base/types.h"
#include "core/placement/builder.h"

namespace remapd::click_trainer {

// An embedding table of the trainer. One feature feeds it, which gives it its name.
struct Table {
  std::string feature;
  // Row budget of a table that ids share the rows of; 0: every id has a row of its own under all
  // contenders, because there are too few of them to be worth sharing.
  std::uint32_t rows = 0;

  bool shared() const { return rows > 0; }
};

// The rows of one feature in S samples: those of sample s are rows[begin[s]] .. rows[begin[s + 1]].
// An id has one row, or two under double hashing.
class PlacedRows {
 public:
  // lengths: ids of each sample; first, second: a row of each id. second may be empty; kNoRow in
  // it: that id has only one.
  void set(std::span<const std::uint32_t> lengths, std::span<const Row> first,
           std::span<const Row> second = {}) {
    rows_.clear();
    begin_.assign(1, 0);
    std::size_t id = 0;
    for (const std::uint32_t length : lengths) {
      for (const std::size_t end = id + length; id < end; ++id) {
        rows_.push_back(first[id]);
        if (!second.empty() && second[id] != kNoRow) rows_.push_back(second[id]);
      }
      begin_.push_back(rows_.size());
    }
  }

  std::size_t samples() const { return begin_.size() - 1; }
  std::span<const Row> of(std::size_t sample) const {
    return std::span(rows_).subspan(begin_[sample], begin_[sample + 1] - begin_[sample]);
  }

 private:
  std::vector<Row> rows_;
  std::vector<std::size_t> begin_{0};
};

// Gives every id a row of its own, in the order they appear: the full table. O(1) an id.
class OwnRows {
 public:
  void place(std::span<const Id> ids, std::vector<Row>& rows) {
    rows.clear();
    for (const Id id : ids) {
      rows.push_back(row_of_.try_emplace(id, Row{this->rows()}).first->second);
    }
  }
  std::uint32_t rows() const { return static_cast<std::uint32_t>(row_of_.size()); }

 private:
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(Id id) const { return mix64(id); }
  };
  boost::unordered_flat_map<Id, Row, Hash> row_of_;
};

// Hashes every id over the whole table, as is done without remapd.
inline void place_by_hash(const mapping::Fallback& hash, std::span<const Id> ids,
                          std::vector<Row>& rows) {
  rows.clear();
  for (const Id id : ids) rows.push_back(hash.row(id));
}

}  // namespace remapd::click_trainer
