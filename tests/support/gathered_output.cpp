#include "tests/support/gathered_output.hpp"

#include <sys/mman.h>

#include <functional>
#include <new>
#include <utility>

namespace iscsi::test {
namespace {

// Never written, so that each page is the kernel's one page of zeros, which stays in the cache.
bytes_view all_zeros() {
    static const bytes_view zeros = [] {
        constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        auto* const memory = ::mmap(nullptr, most_zero_bytes, PROT_READ, flags, -1, 0);
        if (memory == MAP_FAILED)
            throw std::bad_alloc();
        ::madvise(memory, most_zero_bytes, MADV_NOHUGEPAGE);
        return bytes_view(static_cast<const std::byte*>(memory), most_zero_bytes);
    }();
    return zeros;
}

} // namespace

bytes_view zero_bytes(std::size_t count) {
    return all_zeros().first(count);
}

bool are_lasting(bytes_view bytes) {
    const std::less_equal<> not_after;
    const auto zeros = all_zeros();
    return !bytes.empty() && not_after(zeros.data(), bytes.data()) &&
           not_after(bytes.data() + bytes.size(), zeros.data() + zeros.size());
}

void gathered_output::name(bytes_view lasting) {
    references_.push_back({bytes_.size(), lasting});
    named_ += lasting.size();
}

void gathered_output::append(gathered_output more) {
    if (is_empty()) {
        *this = std::move(more);
        return;
    }
    for (const auto& each : more.references_)
        references_.push_back({bytes_.size() + each.at, each.what});
    bytes_.insert(bytes_.end(), more.bytes_.begin(), more.bytes_.end());
    named_ += more.named_;
}

std::vector<bytes_view> gathered_output::pieces() const {
    std::vector<bytes_view> all;
    std::size_t done = 0;
    const auto take_copied = [&](std::size_t end) {
        if (end > done)
            all.push_back(bytes_view(bytes_).subspan(done, end - done));
        done = end;
    };
    for (const auto& each : references_) {
        take_copied(each.at);
        all.push_back(each.what);
    }
    take_copied(bytes_.size());
    return all;
}

std::vector<std::byte> gathered_output::take_flat() {
    const auto taken = std::exchange(*this, {});
    if (taken.references_.empty())
        return taken.bytes_;
    std::vector<std::byte> flat;
    flat.reserve(taken.size());
    for (const auto piece : taken.pieces())
        flat.insert(flat.end(), piece.begin(), piece.end());
    return flat;
}

} // namespace iscsi::test
