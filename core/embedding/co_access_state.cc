// The co-access graph in the engine state: docs/formats.md.
#include <algorithm>
#include <functional>

#include "core/embedding/co_access_graph.h"

namespace remapd::embedding {
namespace {

constexpr std::size_t kSavedTogether = 16'384;  // nodes

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

Result<void> CoAccessGraph::load(ByteReader& in) {
  samples_ = in.get<std::uint64_t>();
  in.get_sparse_ranges(signs_.span());
  std::vector<std::uint32_t> contexts;
  for (std::size_t begin = 0; begin < node_count() && in.ok(); begin += kSavedTogether) {
    contexts.assign(std::min(kSavedTogether, node_count() - begin), 0);
    in.get_sparse(std::span(contexts));
    load_neighbours(in, static_cast<Node>(begin), contexts);
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
  return load_common(in);
}

// Of the nodes from `first` on, of which contexts[i] were offered. Fails the reader if the number
// of neighbours is not that of these nodes, or if one of the nodes never was an id.
void CoAccessGraph::load_neighbours(ByteReader& in, Node first,
                                    std::span<const std::uint32_t> contexts) {
  std::uint64_t left = in.get<std::uint64_t>();
  for (std::size_t i = 0; i < contexts.size() && in.ok(); ++i) {
    if (contexts[i] == 0) continue;
    const Node node = first + static_cast<Node>(i);
    Company& company = company_[node];
    company.offered = contexts[i];
    if (company.known() > left || !was_id(node)) return in.fail();
    in.get_array(company.in_use());
    left -= company.known();
  }
  if (left != 0) in.fail();
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
