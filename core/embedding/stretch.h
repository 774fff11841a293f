// Stretch: samples prepared for the co-access graph: the contexts of each sample, and the accesses
// to learn (thinning.h), divided by table and part of its nodes so that parts can be learned in
// parallel.
//
//   stretch.prepare(batch, first, last, tables, generations);
//   stretch.find_contexts(generations, common);
//   for each part, on any thread: learn stretch.accesses(part), with stretch.contexts(sample)
//
// Buffers are kept between uses. Not thread safe; const calls may overlap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/embedding/co_access_snapshot.h"
#include "core/embedding/common_nodes.h"
#include "core/embedding/generations.h"
#include "core/embedding/slot_batch.h"

namespace remapd::embedding {

class Stretch {
 public:
  static constexpr std::size_t kMaxSamples = std::size_t{1} << 16;
  static constexpr std::uint32_t kParts = 2;  // of a table's nodes

  // One that is learned.
  struct Access {
    Node entry;                // of Generations
    std::uint16_t sample;      // of the stretch
    std::uint16_t stands_for;  // accesses, as a binary logarithm
  };

  static std::uint32_t part_of(Node node) { return node * 0x9e3779b1U >> 31; }

  // Samples [first, last) of the batch, at most kMaxSamples. Contexts are empty until
  // find_contexts().
  void prepare(const SlotBatch& batch, std::size_t first, std::size_t last,
               std::span<const NodeRange> tables, const Generations& generations);
  // For the prepared batch. Call it again when the common ids have changed.
  void find_contexts(const Generations& generations, const CommonNodes& common);

  std::size_t samples() const { return samples_; }
  // kParts of each table, table by table.
  std::size_t parts() const { return parts_.size(); }
  // Sample by sample, in each column by column.
  std::span<const Access> accesses(std::size_t part) const {
    return {parts_[part].accesses.data(), parts_[part].size};
  }
  // Entries of the tracked ids of a sample that has accesses to learn, without common ones; column
  // by column.
  std::span<const Node> contexts(std::uint32_t sample) const {
    return {contexts_.data() + begin_[sample], end_[sample] - begin_[sample]};
  }

 private:
  // What is learned of a sample: nothing of one with a single id, or a label of 0.
  enum class Kind : std::uint8_t { kNothing, kPair, kMore };

  // Of the batch.
  struct Column {
    const std::uint32_t* begin;  // of the stretch's first sample
    std::size_t at;              // of its first access, in entries_
  };
  struct Part {
    std::vector<Access> accesses;  // room for more than there are
    std::size_t size = 0;
    std::uint32_t columns = 0;  // with accesses
  };

  void make_room(const SlotBatch& batch, std::size_t first, std::size_t last);
  void find_kinds(std::span<const float> labels);
  void number_samples(const SlotBatch::Column& column, std::size_t first,
                      std::span<std::uint16_t> sample_of) const;
  void thin_column(Node first_node, std::span<const Slot> slots,
                   std::span<const std::uint32_t> counts, std::span<const std::uint16_t> sample_of);
  void take_learned(const Generations& generations, std::span<const Node> entries,
                    std::span<const std::uint16_t> sample_of, Part* parts) const;
  void order_by_sample(Part& part);

  std::size_t samples_ = 0;
  std::size_t ids_ = 0;
  // By sample.
  std::vector<std::uint32_t> ids_in_;
  std::vector<std::uint32_t> begin_;  // in contexts_, where there is room for all its ids
  std::vector<std::uint32_t> end_;
  std::vector<Kind> kinds_;
  bool all_nothing_ = true;
  bool some_pairs_ = false;
  bool all_more_ = false;
  // By access, column by column.
  std::vector<Node> entries_;  // kNobody where an id is not tracked
  std::vector<std::uint16_t> sample_of_;
  std::vector<Column> columns_;
  std::vector<Node> contexts_;  // sample by sample
  std::vector<Part> parts_;

  // Scratch.
  std::vector<std::uint8_t> thinned_;  // of a column
  std::vector<std::uint8_t> thinned_pairs_;
  std::vector<std::uint32_t> place_;
  std::vector<Access> ordered_;
};

}  // namespace remapd::embedding
