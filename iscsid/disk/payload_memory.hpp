#pragma once

#include "libiscsi/base/bytes.hpp"

#include <sys/mman.h>

#include <memory>
#include <new>

namespace iscsid::disk {

// The buffers of a disk's slots in one piece, each on a page boundary. Touched only when used, and
// not locked, unlike the rest of the process: what a recovery works with is elsewhere, and 256
// disks would have gigabytes locked.
class payload_memory {
  public:
    // `stride` is a multiple of the page, unless there is one slot. Throws std::bad_alloc.
    payload_memory(std::size_t slots, std::size_t stride)
        : stride_(stride), memory_(allocate(slots * stride), {slots * stride}) {}

    std::byte* of(std::uint32_t slot) const { return memory_.get() + slot * stride_; }

    iscsi::mutable_bytes of(std::uint32_t slot, std::size_t length) const {
        return {of(slot), length};
    }

    std::size_t stride() const { return stride_; }

    // What lies behind the first `kept` bytes, whole pages, goes back to the kernel and reads as
    // zeroes from then on. Locked memory would be refused, and stay as it is.
    void drop(std::uint32_t slot, std::size_t kept) const {
        ::madvise(of(slot) + kept, stride_ - kept, MADV_DONTNEED);
    }

  private:
    struct unmap {
        std::size_t size = 0;

        void operator()(std::byte* memory) const { ::munmap(memory, size); }
    };

    static std::byte* allocate(std::size_t size) {
        constexpr int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, kind, -1, 0);
        if (memory == MAP_FAILED)
            throw std::bad_alloc();
        ::munlock(memory, size);
        // A huge page behind each slot would be 2 MiB for the first 4 KiB in it.
        ::madvise(memory, size, MADV_NOHUGEPAGE);
        return static_cast<std::byte*>(memory);
    }

    std::size_t stride_;
    std::unique_ptr<std::byte, unmap> memory_;
};

} // namespace iscsid::disk
