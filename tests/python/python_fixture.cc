// Publishes versions of a random chain to a directory for the Python tests, and prints what C++
// answers: one line for each version, "VERSION ID:ROW ID:ROW ...".
//
//   python_fixture DIRECTORY FIRST LAST     versions FIRST..LAST of the chain
#include <cstdio>
#include <cstdlib>

#include "connectors/files/directory_sink.h"
#include "tests/unit/client/cpp/version_chain.h"

int main(int argc, char** argv) {
  using namespace remapd;
  using namespace remapd::client;
  if (argc != 4) {
    std::fputs("usage: python_fixture DIRECTORY FIRST LAST\n", stderr);
    return 2;
  }
  const auto first = static_cast<std::size_t>(std::atoi(argv[2]));
  const auto last = static_cast<std::size_t>(std::atoi(argv[3]));
  auto chain = make_chain(last, 31);
  auto sink = files::DirectoryMappingSink::create({.directory = argv[1]});
  if (!sink) {
    std::fprintf(stderr, "%s\n", sink.error().message.c_str());
    return 1;
  }
  const auto taken = (*sink)->take_over(chain[0].mapping.info.table, "fixture");
  if (!taken) {
    std::fprintf(stderr, "%s\n", taken.error().message.c_str());
    return 1;
  }
  set_epoch(chain, taken->epoch);
  for (std::size_t v = first; v <= last; ++v) {
    if (auto ok = (*sink)->publish(chain[v - 1].publication); !ok) {
      std::fprintf(stderr, "%s\n", ok.error().message.c_str());
      return 1;
    }
    Random random(v);
    std::vector<Id> ids = chain[v - 1].mapping.ids;
    for (int i = 0; i < 500; ++i) ids.push_back(random.next());
    std::printf("%zu", v);
    for (const Id id : ids) {
      std::printf(" %llu:%u", static_cast<unsigned long long>(id),
                  chain[v - 1].mapping.lookup(id).value);
    }
    std::printf("\n");
  }
  return 0;
}
