#pragma once

#include <cstdint>
#include <vector>

namespace iscsi {

// Which bytes of a buffer have been dealt with, each once. Data in order costs one addition; data
// out of order (DataPDUInOrder=No, DataSequenceInOrder=No) is kept as ranges behind the first gap.
class coverage {
  public:
    void clear();

    // False when a byte of the range is covered already.
    bool add(std::uint64_t offset, std::uint64_t length);

    // Length of the part that is covered without a gap.
    std::uint64_t contiguous() const { return contiguous_; }

    std::uint64_t total() const { return total_; }

  private:
    struct range {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };

    bool overlaps(const range& other) const;
    void join_front();

    std::uint64_t contiguous_ = 0;
    std::uint64_t total_ = 0;
    std::vector<range> behind_gap_; // by begin; keeps its capacity from task to task
};

} // namespace iscsi
