// SlotBatch: samples whose ids are resolved to slots of their tables' tracked-id stores; the input
// of the learners.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/types.h"
#include "core/sketch/tracked_ids.h"

namespace remapd::embedding {

using sketch::kNoSlot;
using sketch::Slot;

struct SlotBatch {
  struct Column {
    TableIndex table;
    std::vector<std::uint32_t> begin;  // samples + 1 offsets into slots
    std::vector<Slot> slots;           // kNoSlot: an id that is not tracked
    // One for each slot:
    std::vector<std::uint8_t> is_new_id;   // the incumbent mapping does not know it
    std::vector<std::uint32_t> count;      // of the id's accesses so far
    std::vector<std::uint8_t> generation;  // of the slot (generations.h)

    std::span<const Slot> of(std::size_t sample) const {
      return {slots.data() + begin[sample], begin[sample + 1] - begin[sample]};
    }
  };

  std::size_t samples = 0;
  std::vector<Column> columns;  // one for each feature of the schema
  std::vector<float> labels;    // one for each sample, NaN = unlabelled
  std::vector<float> weights;   // one for each sample, >= 0
};

}  // namespace remapd::embedding
