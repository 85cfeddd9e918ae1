#include "iscsid/lane/inbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace iscsid::lane {

inbox::inbox() : bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (bell_ < 0)
        throw std::system_error(errno, std::system_category(), "eventfd");
}

inbox::~inbox() {
    ::close(bell_);
}

void inbox::open(ring& io) {
    io_ = &io;
    open_ = true;
    listen();
}

void inbox::close() {
    closing_ = true;
    io_->cancel(*this, 0);
}

// May be called after the lane has ended its turns: the message is destroyed with the inbox.
void inbox::put(std::unique_ptr<message> what) {
    bool first = false;
    {
        const std::scoped_lock guard(lock_);
        first = waiting_.empty();
        waiting_.push_back(std::move(what));
    }
    if (first) // one ring of the bell for all that come until they are fetched
        ::eventfd_write(bell_, 1);
}

void inbox::listen() {
    io_->read(bell_, rings_, *this, 0);
}

void inbox::ring_done(std::uint32_t /*operation*/, std::int32_t /*result*/) {
    {
        const std::scoped_lock guard(lock_);
        handling_.swap(waiting_);
    }
    for (const auto& each : handling_)
        each->handle();
    // The capacity stays, so a turn with few messages allocates nothing here.
    handling_.clear();
    if (closing_)
        open_ = false;
    else
        listen();
}

} // namespace iscsid::lane
