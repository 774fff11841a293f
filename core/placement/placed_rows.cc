#include "core/placement/placed_rows.h"

#include <utility>

#include "core/base/check.h"

namespace remapd::placement {

float PlacedRows::distance(const float* embedding, Row row) const {
  const std::size_t d = content_.dimension;
  const float* centroid = content_.centroids.data() + (row.value - content_.first_row) * d;
  float sum = 0;
  for (std::size_t k = 0; k < d; ++k) {
    sum += (embedding[k] - centroid[k]) * (embedding[k] - centroid[k]);
  }
  return sum;
}

const PlacedRows::Index& PlacedRows::index() const {
  std::call_once(indexed_, [&] {
    const std::size_t d = content_.dimension;
    std::vector<float> centroids;
    std::vector<std::uint32_t> rows;
    for (std::uint32_t row = 0; row < content_.traffic.size(); ++row) {
      if (content_.traffic[row] <= 0) continue;
      rows.push_back(row);
      const float* centroid = content_.centroids.data() + row * d;
      centroids.insert(centroids.end(), centroid, centroid + d);
    }
    REMAPD_CHECK(!rows.empty(), "some shared row holds an id");
    index_ = std::make_unique<const Index>(CentroidIndex(centroids, d, seed_), std::move(rows));
  });
  return *index_;
}

void PlacedRows::nearest(std::span<const float> embeddings, std::span<Nearest> out) const {
  const Index& index = this->index();
  std::vector<CentroidIndex::Nearest> found(out.size());
  index.centroids.nearest(embeddings, found);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = {.row = Row{content_.first_row + index.rows[found[i].index]},
              .distance = found[i].distance};
  }
}

std::size_t PlacedRows::memory_bytes() const {
  // The index has a copy of the centroids.
  return (2 * content_.centroids.size() + 2 * content_.traffic.size() + content_.rare.size() +
          content_.metric.size()) *
         sizeof(float);
}

void PlacedRows::save(ByteWriter& out) const {
  out.put(seed_);
  out.put(content_.first_row);
  out.put<std::uint32_t>(static_cast<std::uint32_t>(content_.dimension));
  out.put_vector(content_.metric);
  out.put_vector(content_.centroids);
  out.put_vector(content_.traffic);
  out.put_vector(content_.rare);
}

Result<std::shared_ptr<PlacedRows>> PlacedRows::load(ByteReader& in, std::uint32_t rows) {
  const auto seed = in.get<std::uint64_t>();
  Content content;
  content.first_row = in.get<std::uint32_t>();
  content.dimension = in.get<std::uint32_t>();
  content.metric = in.get_vector<float>();
  content.centroids = in.get_vector<float>();
  content.traffic = in.get_vector<float>();
  content.rare = in.get_vector<Row>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "placed rows: cut short");
  bool agrees = content.first_row <= rows && content.traffic.size() <= rows - content.first_row &&
                content.centroids.size() == content.traffic.size() * content.dimension;
  bool any = content.traffic.empty();
  for (const float traffic : content.traffic) {
    agrees &= traffic >= 0;
    any |= traffic > 0;
  }
  for (const Row row : content.rare) agrees &= row.value < rows;
  if (!agrees || !any) return fail(ErrorCode::kCorrupt, "placed rows: contradict themselves");
  return std::make_shared<PlacedRows>(std::move(content), seed);
}

}  // namespace remapd::placement
