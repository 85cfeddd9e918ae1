#pragma once

#include "iscsid/lane/request.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace iscsid::lane {

// Which sessions have raised the fence of a disk, where that outlives the daemon. Any thread.
class fence_memory {
  public:
    virtual ~fence_memory() = default;
    virtual void keep(std::size_t session, bool is_raised) = 0;
    virtual bool is_raised(std::size_t session) const = 0;
    virtual unsigned raised() const = 0; // by how many
};

// Of a disk whose requests go through several sessions: whether one of them has failed a write
// whose end nobody knows. The target may still let it run, and it would overwrite what another
// session writes in its place now. The session that sent it raises its replay barrier when it is
// back; until then the others must not write. Any thread. Sessions are counted from 0.
class write_fence {
  public:
    write_fence() = default;

    // `memory`: nullptr: of this process. `is_left`: an earlier daemon has served the disk, and
    // what stands in the memory holds.
    write_fence(std::unique_ptr<fence_memory> memory, bool is_left)
        : memory_(std::move(memory))
        , is_left_(is_left)
        , count_(memory_ && is_left ? memory_->raised() : 0) {}

    void raise(std::size_t session) {
        if (memory_)
            memory_->keep(session, true);
        count_.fetch_add(1, std::memory_order_release);
    }

    void lower(std::size_t session) {
        if (memory_)
            memory_->keep(session, false);
        count_.fetch_sub(1, std::memory_order_release);
    }

    // A session has a queue of the disk now, and has none any more. What is raised then stays: a
    // later daemon finds it, and is_settled() tells.
    void enter() { queues_.fetch_add(1, std::memory_order_relaxed); }

    void leave(bool is_raised) {
        if (is_raised) {
            is_left_raised_.store(true, std::memory_order_relaxed);
            count_.fetch_sub(1, std::memory_order_relaxed);
        }
        queues_.fetch_sub(1, std::memory_order_release);
    }

    // When all queues were told to leave: they have, and no write of theirs may still run. Else
    // what follows the disk must not write before its unit is reset.
    bool is_settled() const {
        return queues_.load(std::memory_order_acquire) == 0 && raised() == 0 &&
               !is_left_raised_.load(std::memory_order_relaxed);
    }

    // By how many sessions.
    unsigned raised() const { return count_.load(std::memory_order_acquire); }

    bool is_left() const { return is_left_; }

    // When its queue begins.
    bool was_raised(std::size_t session) const {
        return is_left_ && memory_ && memory_->is_raised(session);
    }

  private:
    std::unique_ptr<fence_memory> memory_;
    bool is_left_ = false;
    std::atomic<unsigned> count_{0};
    std::atomic<unsigned> queues_{0};
    std::atomic<bool> is_left_raised_{false};
};

constexpr bool changes_blocks(operation what) {
    return what == operation::write || what == operation::write_zeroes ||
           what == operation::discard;
}

// Where a session of a disk stands at its fence.
struct fence_place {
    std::shared_ptr<write_fence> fence{}; // nullptr: the only session of the disk
    std::size_t session = 0;
};

// Who hears that a session has raised its fence, or lowered it: on the lane's thread.
class fence_listener {
  public:
    virtual ~fence_listener() = default;
    virtual void fence_moves(bool is_raised) = 0;
};

// What one session knows of that: its lane's thread only.
//
// What proves that nothing of before runs any more is the answer to a command that has waited for
// the replay barrier: one that was given to the session after the last loss, or that comes by a
// connection that was made after it.
class fence_post {
  public:
    // `hears`: outlives this object; nullptr: nobody.
    explicit fence_post(fence_place at, fence_listener* hears = nullptr)
        : fence_(std::move(at.fence))
        , hears_(hears)
        , session_(at.session)
        , is_unproven_(fence_ && fence_->is_left())
        , is_raised_(fence_ && fence_->was_raised(session_)) {
        if (fence_)
            fence_->enter();
    }

    ~fence_post() {
        if (fence_)
            fence_->leave(is_raised_);
    }

    fence_post(const fence_post&) = delete;
    fence_post& operator=(const fence_post&) = delete;
    fence_post(fence_post&&) = delete;
    fence_post& operator=(fence_post&&) = delete;

    // A request of this session failed. Before its owner hears. `may_still_run`: what was sent of
    // it; an earlier daemon may have sent it, too, and before the first proof nobody knows what
    // became of that. True: others wait for a proof now.
    bool failed(operation what, bool may_still_run) {
        if (!fence_ || !changes_blocks(what) || (!may_still_run && !is_unproven_))
            return false;
        ++age_;
        if (!is_raised_) {
            fence_->raise(session_);
            move(true);
        }
        return true;
    }

    bool is_raised() const { return is_raised_; }

    // Of a command that is given to the session now: for answered().
    std::uint32_t age() const { return age_; }

    // The target has answered such a command.
    void answered(std::uint32_t age) {
        if (age == age_ || age_ == age_at_login_)
            proved();
    }

    // The session has logged in, and what it has goes out again.
    void connection_is_new() { age_at_login_ = age_; }

    // The same for the unit's own question; one at a time.
    void question_given() { question_age_ = age_; }

    void question_answered() { answered(question_age_); }

    // A reset has ended everything that was lost.
    void proved() {
        is_unproven_ = false;
        if (!is_raised_)
            return;
        fence_->lower(session_);
        move(false);
    }

    // Another session of the disk has lost a write, and this request may be one in its place.
    bool bars(operation what) const {
        return fence_ && changes_blocks(what) && fence_->raised() > (is_raised_ ? 1U : 0U);
    }

  private:
    void move(bool is_raised) {
        is_raised_ = is_raised;
        if (hears_ != nullptr)
            hears_->fence_moves(is_raised);
    }

    std::shared_ptr<write_fence> fence_;
    fence_listener* hears_;
    std::size_t session_;
    std::uint32_t age_ = 0;
    std::uint32_t question_age_ = 0;
    std::uint32_t age_at_login_ = 0;
    bool is_unproven_; // the session has answered nothing since an earlier daemon
    bool is_raised_;
};

} // namespace iscsid::lane
