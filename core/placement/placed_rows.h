// PlacedRows: what the shared rows of a version held when they were last clustered, so that ids can
// be placed one at a time until they are clustered again (increment.h).
//
// Centroids stay as they were; the rows' traffic follows the ids that join and leave. Const calls
// are thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "core/placement/centroid_index.h"

namespace remapd::placement {

class PlacedRows {
 public:
  struct Content {
    std::uint32_t first_row = 0;   // shared rows are [first_row, first_row + traffic.size())
    std::size_t dimension = 0;     // of the embeddings
    std::vector<float> metric;     // by which they were computed; opaque
    std::vector<float> centroids;  // row-major, shared rows x dimension
    std::vector<float> traffic;    // decayed accesses of each shared row's ids; 0: it held none
    std::vector<Row> rare;         // of a few ids that were seldom accessed
  };

  PlacedRows(Content content, std::uint64_t seed) : content_(std::move(content)), seed_(seed) {}

  const Content& content() const { return content_; }
  bool holds(Row row) const { return row.value - content_.first_row < content_.traffic.size(); }
  float traffic(Row row) const { return content_.traffic[row.value - content_.first_row]; }
  void set_traffic(Row row, float traffic) {
    content_.traffic[row.value - content_.first_row] = traffic;
  }
  // Of the embedding to the row's centroid, squared.
  float distance(const float* embedding, Row row) const;

  struct Nearest {
    Row row;
    float distance = 0;  // squared
  };
  // embeddings: row-major, out.size() x dimension. Approximate, see CentroidIndex. There must be a
  // row that held an id.
  void nearest(std::span<const float> embeddings, std::span<Nearest> out) const;

  std::size_t memory_bytes() const;

  void save(ByteWriter& out) const;
  // kCorrupt. `rows`: of the table.
  static Result<std::shared_ptr<PlacedRows>> load(ByteReader& in, std::uint32_t rows);

 private:
  struct Index {
    CentroidIndex centroids;
    std::vector<std::uint32_t> rows;  // shared row of each centroid
  };
  const Index& index() const;

  Content content_;
  std::uint64_t seed_;
  mutable std::once_flag indexed_;
  mutable std::unique_ptr<const Index> index_;  // made when it is first needed
};

}  // namespace remapd::placement
