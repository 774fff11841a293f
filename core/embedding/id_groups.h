// IdGroups: groups the accesses of each mini-batch of one table by id, for summing gradients.
//
// Depends on slots only, so it can run while an earlier batch is learned. Not thread safe; one
// object for each table. O(accesses).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/embedding/slot_batch.h"

namespace remapd::embedding {

class IdGroups {
 public:
  struct Access {
    std::uint32_t position;  // among the table's accesses of the mini-batch, column by column
    std::uint32_t sample;    // of the mini-batch
    std::uint32_t id;        // of the mini-batch, as in ids()
  };

  // Groups the batch in mini-batches of `mini_batch` samples, the last one shorter. `columns`:
  // those of the table, ascending. Accesses without a slot are left out.
  void find(const SlotBatch& batch, std::span<const std::uint32_t> columns, std::size_t mini_batch);

  // Sample by sample, over all columns of the table.
  std::span<const Access> accesses(std::size_t mini_batch) const {
    return std::span(accesses_).subspan(ends_[mini_batch].accesses, accesses_count(mini_batch));
  }
  // For each of the table's columns: the position behind its last access.
  std::span<const std::uint32_t> column_ends(std::size_t mini_batch) const {
    return std::span(column_ends_).subspan(mini_batch * columns_, columns_);
  }
  // In the order of their first access; empty for a mini-batch behind the last.
  std::span<const Slot> ids(std::size_t mini_batch) const {
    if (mini_batch + 1 >= ends_.size()) return {};
    return std::span(ids_).subspan(ends_[mini_batch].ids,
                                   ends_[mini_batch + 1].ids - ends_[mini_batch].ids);
  }

 private:
  struct Ends {
    std::size_t accesses;
    std::size_t ids;
  };

  std::size_t accesses_count(std::size_t mini_batch) const {
    return ends_[mini_batch + 1].accesses - ends_[mini_batch].accesses;
  }
  void make_room(const SlotBatch& batch, std::span<const std::uint32_t> columns);
  void find_in(const SlotBatch& batch, std::span<const std::uint32_t> columns, std::size_t first,
               std::size_t last, std::size_t accesses);

  // These have room for more than there is.
  std::vector<Access> accesses_;
  std::vector<Slot> ids_;
  std::vector<Ends> ends_;  // of the mini-batches, after a first entry of zeros
  std::size_t columns_ = 0;
  std::vector<std::uint32_t> column_ends_;  // mini-batches x columns

  // Scratch.
  struct Place {
    Slot slot;
    std::uint32_t id;  // its number in ids_, from 1 on; free if that is of an earlier mini-batch
  };
  std::vector<Place> places_;             // open addressing
  std::vector<std::uint32_t> positions_;  // the next one of each column
};

}  // namespace remapd::embedding
