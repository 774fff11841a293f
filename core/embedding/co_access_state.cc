// The co-access graph in the engine state: docs/formats.md.
#include <algorithm>
#include <functional>

#include "core/embedding/co_access_graph.h"

namespace remapd::embedding {
namespace {

constexpr std::size_t kSavedTogether = 16'384;  // nodes
constexpr std::uint32_t kFirstNeighbours = 32;  // of a node, in format 1
constexpr std::uint32_t kOldNeighbours = 64;    // in formats 2 to 4

}  // namespace

void CoAccessGraph::save(StateWriter& out) const {
  out.small().put(samples_);
  out.add_sparse(signs_.span());
  for (std::size_t begin = 0; begin < node_count(); begin += kSavedTogether) {
    const auto first = static_cast<Node>(begin);
    const auto last =
        static_cast<Node>(std::min<std::size_t>(begin + kSavedTogether, node_count()));
    out.add([this, first, last](ByteWriter& bytes) { save_company(first, last, bytes); });
  }
  std::vector<Node> crossed;
  for (const auto& some : crossed_) crossed.insert(crossed.end(), some.begin(), some.end());
  std::sort(crossed.begin(), crossed.end());
  out.small().put(common_above_);
  out.small().put_vector(common_.nodes());
  out.small().put_vector(crossed);
}

void CoAccessGraph::save_company(Node first, Node last, ByteWriter& out) const {
  std::vector<std::uint32_t> contexts(last - first);
  std::uint64_t neighbours = 0;
  for (Node node = first; node < last; ++node) {
    if (!was_id(node)) continue;
    contexts[node - first] = company_[node].offered;
    neighbours += company_[node].known();
  }
  out.bytes().reserve((contexts.size() + neighbours) * sizeof(Node) + kSavedTogether);
  out.put_sparse(std::span<const std::uint32_t>(contexts));
  out.put(neighbours);
  const std::size_t at = out.size();
  out.bytes().resize(at + neighbours * sizeof(Node));
  copy_neighbours(first, last, reinterpret_cast<Node*>(out.bytes().data() + at));
}

Result<void> CoAccessGraph::load(ByteReader& in, std::uint32_t format) {
  samples_ = in.get<std::uint64_t>();
  if (format >= 4) {
    in.get_sparse_ranges(signs_.span());
    load_company(in, format);
  } else {
    load_old(in, format);
  }
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "co-access graph: wrong size");
  for (Node node = 0; node < node_count(); ++node) {
    if (!was_id(node)) continue;
    for (const Node n : company_[node].in_use()) {
      if (n != kNobody && n >= node_count()) {
        return fail(ErrorCode::kCorrupt, "co-access graph: a neighbour is out of range");
      }
    }
  }
  if (format >= 3) return load_common(in);
  find_common();
  return {};
}

// Version 4 had the contexts offered of all nodes first, and up to 64 neighbours of each.
void CoAccessGraph::load_company(ByteReader& in, std::uint32_t format) {
  std::vector<std::uint32_t> contexts;
  if (format == 4) {
    contexts.resize(node_count());
    in.get_sparse_ranges(std::span(contexts));
  }
  for (std::size_t begin = 0; begin < node_count() && in.ok(); begin += kSavedTogether) {
    const auto first = static_cast<Node>(begin);
    const auto last =
        static_cast<Node>(std::min<std::size_t>(begin + kSavedTogether, node_count()));
    if (format == 4) {
      load_neighbours(in, first, std::span(contexts).subspan(first, last - first), kOldNeighbours);
    } else {
      contexts.assign(last - first, 0);
      in.get_sparse(std::span(contexts));
      load_neighbours(in, first, contexts, kNeighbours);
    }
  }
}

// Of nodes from `first` on, that were offered so many contexts and had `capacity` places. They fail
// by themselves if their count is not that of these nodes, or if one of them never was an id.
void CoAccessGraph::load_neighbours(ByteReader& in, Node first,
                                    std::span<const std::uint32_t> contexts,
                                    std::uint32_t capacity) {
  std::uint64_t left = in.get<std::uint64_t>();
  std::vector<Node> saved(capacity);
  for (std::size_t i = 0; i < contexts.size() && in.ok(); ++i) {
    if (contexts[i] == 0) continue;
    const Node node = first + static_cast<Node>(i);
    const std::uint32_t count = std::min(contexts[i], capacity);
    if (count > left || !was_id(node)) return in.fail();
    in.get_array(std::span(saved).first(count));
    left -= count;
    Company& company = company_[node];
    company.offered = contexts[i];
    std::copy_n(saved.data(), company.known(), company.neighbours.data());
  }
  if (left != 0) in.fail();
}

// Formats 1 to 3 wrote all places of a node, those not in use too.
void CoAccessGraph::load_old(ByteReader& in, std::uint32_t format) {
  const std::size_t nodes = node_count();
  const std::uint32_t capacity = format == 1 ? kFirstNeighbours : kOldNeighbours;
  HugeArray<Node> saved(nodes * capacity);
  HugeArray<std::uint32_t> contexts(nodes);
  if (format == 1) {
    in.get_dense(saved.span());
    in.get_dense(contexts.span());
    in.get_dense(signs_.span());
  } else {
    in.get_sparse(saved.span());
    in.get_sparse(contexts.span());
    in.get_sparse(signs_.span());
  }
  for (Node node = 0; node < nodes && in.ok(); ++node) {
    if (contexts[node] == 0) continue;
    if (!was_id(node)) return in.fail();
    Company& company = company_[node];
    company.offered = contexts[node];
    company.neighbours.fill(kNobody);
    std::copy_n(saved.data() + std::size_t{node} * capacity, std::min(capacity, kNeighbours),
                company.neighbours.data());
  }
}

Result<void> CoAccessGraph::load_common(ByteReader& in) {
  common_above_ = in.get<std::uint64_t>();
  const auto common = in.get_vector<Node>();
  const auto crossed = in.get_vector<Node>();
  if (!in.ok()) return fail(ErrorCode::kCorrupt, "co-access graph: cut short");
  const auto sound = [this](const std::vector<Node>& nodes) {
    return std::adjacent_find(nodes.begin(), nodes.end(), std::greater_equal<>()) == nodes.end() &&
           std::all_of(nodes.begin(), nodes.end(), [this](Node node) {
             return node < node_count() && company_[node].offered > common_above_;
           });
  };
  if (!sound(common) || !sound(crossed)) {
    return fail(ErrorCode::kCorrupt, "co-access graph: its common ids are not");
  }
  common_.add(common);
  std::size_t table = 0;
  for (const Node node : crossed) {
    while (node >= tables_[table].first + tables_[table].count) ++table;
    crossed_[table * Stretch::kParts + Stretch::part_of(node)].push_back(node);
  }
  return {};
}

}  // namespace remapd::embedding
