#pragma once

#include <boost/asio/thread_pool.hpp>

#include <chrono>

namespace iscsid {

// Ends the process at the end of its scope, if that is due: after what was made later and without
// waiting for threads, of which one may hang for ever.
class process_end {
  public:
    process_end() = default;
    process_end(const process_end&) = delete;
    process_end& operator=(const process_end&) = delete;
    ~process_end();

    void becomes_due() { is_due_ = true; }

    bool is_due() const { return is_due_; }

  private:
    bool is_due_ = false;
};

// What the pool has not begun is not begun any more. True: its threads have ended within
// `patience`. False: its destructor would wait for them, and it must outlive them.
bool ends_within(boost::asio::thread_pool& pool, std::chrono::milliseconds patience);

} // namespace iscsid
