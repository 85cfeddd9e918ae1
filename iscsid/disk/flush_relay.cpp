#include "iscsid/disk/flush_relay.hpp"

#include <cerrno>

namespace iscsid::disk {

namespace {

using end_function = std::function<void(int)>;

// Tells whoever has asked, on his thread, unless he is gone.
end_function end_at(const flush_relay::member& asker, const end_function& ended) {
    return [asker, ended](int error) {
        asker.post([queue = asker.queue, ended, error] {
            if (const auto is_there = queue.lock())
                ended(error);
        });
    };
}

// One that is gone has flushed nothing.
void ask(const flush_relay::member& whom, const end_function& tell) {
    whom.post([queue = whom.queue, tell] {
        if (const auto there = queue.lock())
            there->flush_own(tell);
        else
            tell(ENOLINK);
    });
}

} // namespace

unsigned flush_relay::flush_others(std::size_t own, const end_function& ended) const {
    const auto tell = end_at(all_[own], ended);
    for (std::size_t n = 0; n < all_.size(); ++n)
        if (n != own)
            ask(all_[n], tell);
    return static_cast<unsigned>(all_.size() - 1);
}

} // namespace iscsid::disk
