// Mini-batches for the tests of this folder.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "core/embedding/co_access_graph.h"
#include "core/embedding/factorisation_machine.h"
#include "core/embedding/id_groups.h"
#include "core/embedding/slot_batch.h"
#include "tests/support/saved_state.h"

namespace remapd::embedding {

struct Sample {
  std::vector<std::vector<Slot>> slots;  // one list for each column
  float label = std::numeric_limits<float>::quiet_NaN();
  float weight = 1;
};

// Samples [first, last); column c is of table c unless `tables` says otherwise.
inline SlotBatch batch_of(const std::vector<Sample>& samples, std::size_t first, std::size_t last,
                          const std::vector<std::uint32_t>& tables = {}) {
  SlotBatch batch;
  batch.samples = last - first;
  batch.columns.resize(samples.at(first).slots.size());
  for (std::size_t c = 0; c < batch.columns.size(); ++c) {
    SlotBatch::Column& column = batch.columns[c];
    column.table = TableIndex{tables.empty() ? static_cast<std::uint32_t>(c) : tables[c]};
    column.begin.push_back(0);
    for (std::size_t s = first; s < last; ++s) {
      column.slots.insert(column.slots.end(), samples[s].slots[c].begin(),
                          samples[s].slots[c].end());
      column.begin.push_back(static_cast<std::uint32_t>(column.slots.size()));
    }
    column.is_new_id.assign(column.slots.size(), 0);
    column.count.assign(column.slots.size(), 0);
    column.generation.assign(column.slots.size(), 0);
  }
  for (std::size_t s = first; s < last; ++s) {
    batch.labels.push_back(samples[s].label);
    batch.weights.push_back(samples[s].weight);
  }
  return batch;
}

// The batch as one mini-batch, of the slots' present ids.
inline void learn(CoAccessGraph& graph, SlotBatch batch) {
  for (SlotBatch::Column& column : batch.columns) {
    const auto generations = graph.generations(column.table);
    for (std::size_t i = 0; i < column.slots.size(); ++i) {
      if (column.slots[i] != kNoSlot) column.generation[i] = generations[column.slots[i]];
    }
  }
  graph.learn(batch);
}
inline void learn(FactorisationMachine& machine, const SlotBatch& batch) {
  std::vector<IdGroups> groups;
  for (std::uint32_t c = 0; c < batch.columns.size(); ++c) {
    const std::size_t table = batch.columns[c].table.value;
    if (groups.size() <= table) groups.resize(table + 1);
  }
  for (std::uint32_t t = 0; t < groups.size(); ++t) {
    std::vector<std::uint32_t> columns;
    for (std::uint32_t c = 0; c < batch.columns.size(); ++c) {
      if (batch.columns[c].table.value == t) columns.push_back(c);
    }
    groups[t].find(batch, columns, batch.samples);
  }
  machine.learn(batch, groups, 0, batch.samples);
}

template <class Learner>
void learn(Learner& learner, const std::vector<Sample>& samples, std::size_t mini_batch) {
  for (std::size_t at = 0; at < samples.size(); at += mini_batch) {
    learn(learner, batch_of(samples, at, std::min(samples.size(), at + mini_batch)));
  }
}

// Fills in the counts of accesses that follow one another; counts: by table and slot, those
// before, and then these too.
inline void count_accesses(SlotBatch& batch,
                           std::map<std::pair<std::uint32_t, Slot>, std::uint32_t>& counts) {
  for (std::size_t s = 0; s < batch.samples; ++s) {
    for (SlotBatch::Column& column : batch.columns) {
      for (std::uint32_t at = column.begin[s]; at < column.begin[s + 1]; ++at) {
        column.count[at] = ++counts[{column.table.value, column.slots[at]}];
      }
    }
  }
}

inline std::vector<Slot> all_slots(std::uint32_t count) {
  std::vector<Slot> out(count);
  for (Slot slot = 0; slot < count; ++slot) out[slot] = slot;
  return out;
}

// Ids for slots [0, count) of a table, as a tracked-id store would have given them out.
inline std::vector<Id> ids_for(std::uint32_t count, std::uint64_t table) {
  std::vector<Id> out(count);
  for (std::uint32_t i = 0; i < count; ++i) out[i] = hash_id(i, table);
  return out;
}

// Of users and items, each with as many ids; `unused`: slots of users that never had one.
inline CoAccessGraph graph_of(std::uint32_t users, std::uint32_t items, std::uint64_t seed = 1,
                              std::uint32_t unused = 0) {
  CoAccessGraph::Config config;
  config.seed = seed;
  CoAccessGraph out(config, std::vector<std::uint32_t>{users + unused, items});
  out.admit(TableIndex{0}, all_slots(users), ids_for(users, 0));
  out.admit(TableIndex{1}, all_slots(items), ids_for(items, 1));
  return out;
}

inline double squared_distance(const float* a, const float* b, std::size_t d) {
  double sum = 0;
  for (std::size_t k = 0; k < d; ++k) sum += (double{a[k]} - b[k]) * (double{a[k]} - b[k]);
  return sum;
}

using support::saved;

}  // namespace remapd::embedding
