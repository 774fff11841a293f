// How well a retrieval model finds what users did next: recall@20 and AUC over the test pairs.
//
// For each user with test items, all items are ranked by the model's score, those the user has in
// the train part left out. Items with equal scores (items that share their rows) are ordered by a
// hash of their id, which the caller gives, so that a mapping gains nothing by the order of ids.
//
//   recall@20  the share of the user's test items among the 20 best; the mean over users
//   auc        the share of (test item, other item) pairs ranked the right way round; mean over
//   users
//
// O(users x items x dimension), dense and vectorised; single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/quality/bpr_model.h"

namespace remapd::quality {

inline constexpr std::size_t kRecallDepth = 20;

struct RetrievalFigures {
  double recall = 0;  // @kRecallDepth
  double auc = 0;
  std::uint64_t users = 0;  // evaluated
};

// Of every `user_stride`-th of the users that have test items outside the train part.
// item_hashes: one per item, distinct.
RetrievalFigures retrieval_figures(const BprModel& model, const ItemsOfUsers& train,
                                   const ItemsOfUsers& test,
                                   std::span<const std::uint64_t> item_hashes,
                                   std::uint32_t user_stride);

}  // namespace remapd::quality
