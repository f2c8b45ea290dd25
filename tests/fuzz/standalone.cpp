// Runs a fuzz target without libFuzzer: every file of the corpus directories given, then mutations of them from a fixed
// seed.
//
// So every build with every compiler checks the target's assertions on the same inputs, in a few seconds; the
// open-ended search is libFuzzer's (ESPAT_FUZZ).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t mutation_count = 4000;
constexpr std::size_t longest_input = 8192;

std::vector<Input> read_corpus(int count, char** paths) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < count; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(paths[i]))
      if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Input> corpus;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return corpus;
}

Input mutate(const std::vector<Input>& corpus, std::mt19937& random) {
  const auto pick = [&random](std::size_t bound) {
    return bound == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  Input input = corpus.empty() ? Input{} : corpus[pick(corpus.size())];
  const std::size_t changes = 1 + pick(8);
  for (std::size_t i = 0; i < changes; ++i) {
    const auto position = static_cast<std::ptrdiff_t>(pick(input.size() + 1));
    switch (pick(5)) {
      case 0:
        input.insert(input.begin() + position, static_cast<std::uint8_t>(pick(256)));
        break;
      case 1:
        if (position < std::ssize(input))
          input[static_cast<std::size_t>(position)] ^= static_cast<std::uint8_t>(1U << pick(8));
        break;
      case 2:
        if (position < std::ssize(input)) input.erase(input.begin() + position);
        break;
      case 3:
        input.resize(static_cast<std::size_t>(position));
        break;
      default:
        if (!corpus.empty()) {
          const Input& other = corpus[pick(corpus.size())];
          const auto from = static_cast<std::ptrdiff_t>(pick(other.size() + 1));
          input.insert(input.begin() + position, other.begin() + from, other.end());
        }
    }
  }
  input.resize(std::min(input.size(), longest_input));
  return input;
}

}  // namespace

int main(int argument_count, char** arguments) {
  const auto corpus = read_corpus(argument_count, arguments);
  for (const auto& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  std::mt19937 random(20261120);
  for (std::size_t i = 0; i < mutation_count; ++i) {
    const auto input = mutate(corpus, random);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu inputs and %zu mutations of them\n", corpus.size(), mutation_count);
  return 0;
}
