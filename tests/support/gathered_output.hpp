#pragma once

#include "libiscsi/base/bytes.hpp"

#include <cstddef>
#include <vector>

namespace iscsi::test {

// Zeros that last as long as the program and cost no memory; at most most_zero_bytes.
constexpr std::size_t most_zero_bytes = 64UL << 20U;
bytes_view zero_bytes(std::size_t count);
bool are_lasting(bytes_view bytes); // a part of zero_bytes()

// Bytes to be sent one after another: short ones are copied in, and lasting ones are only named, so
// that a target that has no data of its own does not touch what it sends.
class gathered_output {
  public:
    // Those to copy are appended here.
    std::vector<std::byte>& bytes() { return bytes_; }

    // Comes after all that there is now. The bytes outlive this.
    void name(bytes_view lasting);

    std::size_t size() const { return bytes_.size() + named_; }

    bool is_empty() const { return size() == 0; }

    void append(gathered_output more);

    // In the order of sending; valid until something is changed.
    std::vector<bytes_view> pieces() const;

    // All of it in one place; nothing is left here.
    std::vector<std::byte> take_flat();

  private:
    struct reference {
        std::size_t at = 0; // how many of bytes_ stand before it
        bytes_view what;
    };

    std::vector<std::byte> bytes_;
    std::vector<reference> references_;
    std::size_t named_ = 0; // bytes, of all references
};

} // namespace iscsi::test
