#pragma once

#include "libiscsi/base/bytes.hpp"

#include <cstdlib>
#include <memory>
#include <new>

namespace iscsid::disk {

// The buffers of a disk's slots in one piece, each on a page boundary. Touched only when used.
class payload_memory {
  public:
    // `stride` is a multiple of the page. Throws std::bad_alloc.
    payload_memory(std::size_t slots, std::size_t stride)
        : stride_(stride)
        , memory_(static_cast<std::byte*>(std::aligned_alloc(page, slots * stride))) {
        if (!memory_)
            throw std::bad_alloc();
    }

    std::byte* of(std::uint32_t slot) const { return memory_.get() + slot * stride_; }

    iscsi::mutable_bytes of(std::uint32_t slot, std::size_t length) const {
        return {of(slot), length};
    }

    std::size_t stride() const { return stride_; }

  private:
    static constexpr std::size_t page = 4096;

    struct free_memory {
        void operator()(std::byte* memory) const { std::free(memory); } // NOLINT: aligned_alloc
    };

    std::size_t stride_;
    std::unique_ptr<std::byte, free_memory> memory_;
};

} // namespace iscsid::disk
