#include "tests/quality/retrieval_figures.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "core/base/check.h"

namespace remapd::quality {
namespace {

constexpr float kExcluded = -std::numeric_limits<float>::infinity();

// Item vectors in the order of the item hashes, stored column by column: scoring one user is then a
// run over each column, and position in this order breaks ties.
class ItemMatrix {
 public:
  ItemMatrix(const BprModel& model, std::span<const std::uint64_t> hashes)
      : items_(hashes.size()),
        position_(items_),
        columns_(items_ * kBprDimension),
        biases_(items_) {
    std::vector<std::uint32_t> order(items_);
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::sort(order, {}, [&](std::uint32_t item) { return hashes[item]; });
    for (std::size_t at = 0; at < items_; ++at) {
      position_[order[at]] = at;
      const BprModel::Embedding item = model.item(order[at]);
      for (std::size_t k = 0; k < kBprDimension; ++k) columns_[k * items_ + at] = item.vector[k];
      biases_[at] = item.bias;
    }
  }

  std::size_t position(std::uint32_t item) const { return position_[item]; }

  // out[position(item)] = score(user, item). Blocks keep a stretch of `out` in cache over all
  // columns.
  void score(const BprModel::Vector& user, std::span<float> out) const {
    constexpr std::size_t kBlock = 2048;
    for (std::size_t begin = 0; begin < items_; begin += kBlock) {
      const std::size_t end = std::min(begin + kBlock, items_);
      for (std::size_t i = begin; i < end; ++i) out[i] = biases_[i];
      for (std::size_t k = 0; k < kBprDimension; ++k) {
        const float weight = user[k];
        const float* column = columns_.data() + k * items_;
        for (std::size_t i = begin; i < end; ++i) out[i] += weight * column[i];
      }
    }
  }

 private:
  std::size_t items_;
  std::vector<std::size_t> position_;
  std::vector<float> columns_;
  std::vector<float> biases_;
};

// The score and position that an item must reach to be among the kRecallDepth best.
struct Threshold {
  float score = kExcluded;
  std::size_t position = 0;  // of items with this very score, those at most here are in
};

Threshold recall_threshold(std::span<const float> scores) {
  // A heap of the best so far, the worst of them in front. Positions come in ascending order, so a
  // later item of equal score never displaces an earlier one.
  struct Entry {
    float score;
    std::size_t position;
  };
  const auto better = [](const Entry& a, const Entry& b) {
    return a.score > b.score || (a.score == b.score && a.position < b.position);
  };
  std::vector<Entry> best;
  best.reserve(kRecallDepth + 1);
  float worst = kExcluded;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] <= worst) continue;
    best.push_back({scores[i], i});
    std::ranges::push_heap(best, better);
    if (best.size() > kRecallDepth) {
      std::ranges::pop_heap(best, better);
      best.pop_back();
    }
    if (best.size() == kRecallDepth) worst = best.front().score;
  }
  return best.empty() ? Threshold{} : Threshold{best.front().score, best.front().position};
}

}  // namespace

RetrievalFigures retrieval_figures(const BprModel& model, const ItemsOfUsers& train,
                                   const ItemsOfUsers& test,
                                   std::span<const std::uint64_t> item_hashes,
                                   std::uint32_t user_stride) {
  REMAPD_CHECK(item_hashes.size() == model.items(), "one hash per item");
  REMAPD_CHECK(user_stride > 0, "a stride of users is at least 1");
  const ItemMatrix matrix(model, item_hashes);
  RetrievalFigures figures;
  std::vector<float> scores(item_hashes.size());
  std::vector<std::size_t> wanted;
  std::uint32_t eligible = 0;
  for (std::uint32_t user = 0; user < test.users(); ++user) {
    wanted.clear();
    for (const std::uint32_t item : test.items(user)) {
      if (!train.contains(user, item)) wanted.push_back(matrix.position(item));
    }
    if (wanted.empty() || eligible++ % user_stride != 0) continue;

    matrix.score(model.user(user), scores);
    for (const std::uint32_t item : train.items(user)) scores[matrix.position(item)] = kExcluded;
    const Threshold threshold = recall_threshold(scores);
    std::size_t found = 0;
    std::vector<float> wanted_scores;
    for (const std::size_t position : wanted) {
      const float score = scores[position];
      found +=
          score > threshold.score || (score == threshold.score && position <= threshold.position);
      wanted_scores.push_back(score);
    }
    figures.recall += static_cast<double>(found) / static_cast<double>(wanted.size());

    // Pairs of a wanted and any other item, ties by position; the wanted ones among themselves and
    // the train items (scored below everything) are taken out of the count.
    const std::size_t others = scores.size() - train.items(user).size() - wanted.size();
    std::size_t won = 0;
    for (const std::size_t position : wanted) {
      const float score = scores[position];
      std::size_t below = 0;
      for (std::size_t i = 0; i <= position; ++i) below += scores[i] < score;
      for (std::size_t i = position + 1; i < scores.size(); ++i) below += scores[i] <= score;
      won += below - train.items(user).size();
    }
    won -= wanted.size() * (wanted.size() - 1) / 2;
    figures.auc += others == 0 ? 1
                               : static_cast<double>(won) / static_cast<double>(others) /
                                     static_cast<double>(wanted.size());
    ++figures.users;
  }
  figures.recall /= static_cast<double>(figures.users);
  figures.auc /= static_cast<double>(figures.users);
  return figures;
}

}  // namespace remapd::quality
