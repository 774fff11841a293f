// SampleBuilder: makes the samples of a batch out of the values that a decoder finds in a record.
//
//   1. the decoder walks the record by tree()
//   2. begin(); then add() for every value at a leaf of the tree, and end_element()
//      after each element of a node that is a sample
//   3. finish() appends the samples to a batch under construction; a record that is given up before
//      leaves the batch as it was
//
// What an id, a label, a time and a weight may be is decided here, by one rule for all formats
// (core/fields). A value that breaks it spoils its record, and reason() names the path, the
// value and what was expected.
//
// Memory: the values of one record; a record that would give more than kMaxIdsPerRecord ids is
// refused. Not thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/decode/field_tree.h"
#include "connectors/decode/record_layout.h"
#include "connectors/decode/scalar.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::decode {

inline constexpr std::size_t kMaxIdsPerRecord = std::size_t{1} << 22;

class SampleBuilder {
 public:
  // kConfig naming the key (source.decode.label, the path of a feature) and what is wrong with it.
  static Result<SampleBuilder> create(const RecordLayout& layout,
                                      const pipeline::FeatureSchema& schema);

  const FieldTree& tree() const { return tree_; }

  void begin();
  // A value at `node`. False: the record cannot be used.
  bool add(const FieldNode& node, const Scalar& value);
  void end_element();
  // Samples appended; 0 where the list of samples is empty or missing. None: there would be too
  // many ids.
  std::optional<std::size_t> finish(pipeline::EventBatch& into);

  // For a decoder that finds something else than a value: "items: a list, ...". Returns false.
  bool refuse(const FieldNode& node, std::string_view what);
  bool refuse_record(std::string_view what);
  const std::string& reason() const { return reason_; }

 private:
  enum class Role : std::uint8_t { kFeature, kLabel, kTime, kWeight };

  // The values of one path; of alternatives each has a slot of its own.
  struct Slot {
    Role role = Role::kFeature;
    bool per_element = false;
    std::vector<Id> ignored{};
    std::vector<Id> ids{};            // of a feature
    std::vector<std::size_t> ends{};  // per element: where its ids end
    std::vector<float> numbers{};     // of label and weight: one per element (or one); NaN: none
  };
  // The slots of one feature, label or weight, in the order in which they are looked at.
  using Alternatives = std::vector<std::uint32_t>;

  Result<void> add_paths(const std::string& text, std::string_view key, Role role,
                         const std::vector<Id>& ignored, Alternatives* slots);
  bool add_id(Slot& slot, const FieldNode& node, const Scalar& value);
  bool add_number(Slot& slot, const FieldNode& node, float number);
  bool add_time(const FieldNode& node, const Scalar& value);
  std::optional<float> label_of(const Scalar& value) const;
  bool refuse_value(const FieldNode& node, const Scalar& value,
                    std::string (*why)(std::string_view));
  bool too_many_ids() const;
  void append_ids(const Alternatives& alternatives, std::size_t samples, FeatureIndex feature,
                  pipeline::EventBatch& into) const;
  void append_numbers(const Alternatives& alternatives, std::size_t samples, float missing,
                      std::vector<float>& into) const;

  FieldTree tree_;
  FieldPath sample_path_;  // empty: a record is a sample
  std::vector<Literal> label_true_;
  std::vector<Slot> slots_;
  std::vector<Alternatives> features_;
  Alternatives label_;
  Alternatives time_;
  Alternatives weight_;

  std::size_t elements_ = 0;
  std::int64_t time_ms_ = 0;
  std::string reason_;
};

}  // namespace remapd::decode
