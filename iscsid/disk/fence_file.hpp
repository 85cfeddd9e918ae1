#pragma once

#include "iscsid/lane/note.hpp"
#include "iscsid/lane/write_fence.hpp"

#include "libiscsi/base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace iscsid::disk {

// Which sessions of a disk have raised its fence, and which has which queue, in a file that a later
// daemon finds. It is mapped, so that a lane waits for no file system when a write fails, and what
// it has noted is there even if the process is killed right after that.
class fence_file final : public lane::fence_memory {
  public:
    static constexpr std::size_t most_sessions = 1024;

    // Of the disk with that nonce; made, with nothing raised and no session, when it is not there
    // or has another length. Faults: attach_failed.
    static iscsi::result<std::unique_ptr<fence_file>>
    open(const std::string& runtime_folder, std::uint64_t nonce);

    ~fence_file() override;
    fence_file(const fence_file&) = delete;
    fence_file& operator=(const fence_file&) = delete;
    fence_file(fence_file&&) = delete;
    fence_file& operator=(fence_file&&) = delete;

    // The sessions of the queues, in their order, and whether each has raised it. Before the disk
    // is served.
    void note_sessions(const std::vector<lane::session_key>& all, bool have_raised = false);

    // Each of so many queues has a session: the file is one that was noted for the disk.
    bool knows(std::size_t queues) const;

    // False: some queue was another session's.
    bool has_sessions(const std::vector<lane::session_key>& all) const;

    void keep(std::size_t session, bool is_raised) override;
    bool is_raised(std::size_t session) const override;
    unsigned raised() const override;

  private:
    explicit fence_file(std::span<std::uint32_t> memory) : memory_(memory) {}

    std::span<std::uint32_t> memory_; // of each queue: twice its session, and 1 while it is raised
};

// Of a disk that an earlier daemon has left: what that has noted. Where it has noted nothing that
// can be read, each session counts as having raised the fence, which its first proof lowers; where
// nothing can be noted either, that is known to this process alone.
struct left_fence {
    std::unique_ptr<lane::fence_memory> memory;
    bool is_of_others = false; // some queue was another session's
    std::string trouble;       // why each session has raised it; "": what was noted holds
};

// `sessions`: of the queues, in their order.
left_fence open_left_fence(
    const std::string& runtime_folder,
    std::uint64_t nonce,
    const std::vector<lane::session_key>& sessions
);

bool has_fence(const std::string& runtime_folder, std::uint64_t nonce);

// The disk is gone.
void forget_fence(const std::string& runtime_folder, std::uint64_t nonce);

// The same for all disks of which nothing is known. For the start of the daemon.
void forget_other_fences(
    const std::string& runtime_folder, const std::function<bool(std::uint64_t nonce)>& is_known
);

} // namespace iscsid::disk
