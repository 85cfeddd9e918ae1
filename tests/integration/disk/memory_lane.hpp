#pragma once

#include "iscsid/lane/lane.hpp"

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace test {

// A LUN in memory. The atomic switches may be turned by any thread.
class memory_lun final : public iscsid::lane::lun_port {
  public:
    explicit memory_lun(std::size_t size);

    void
    submit(const iscsid::lane::block_request& request, iscsid::lane::request_owner& owner) override;

    // On the lane's thread: lets the requests go that were kept while `hold` was true.
    void let_go();

    iscsi::mutable_bytes content();
    void fill(std::byte value);

    std::atomic<bool> hold = false;  // requests wait, as for a target that is away
    std::atomic<bool> null = false;  // reads give what was there, writes are thrown away
    std::atomic<int> fail_with = 0;  // errno for all requests
    std::atomic<int> fail_flush = 0; // errno for flushes
    std::atomic<unsigned> reads = 0;
    std::atomic<unsigned> writes = 0;
    std::atomic<unsigned> flushes = 0;
    std::atomic<unsigned> zeroed = 0;
    std::atomic<unsigned> kept = 0;

  private:
    struct kept_request {
        iscsid::lane::block_request request;
        iscsid::lane::request_owner* owner;
    };

    int perform(const iscsid::lane::block_request& request);

    struct free_memory {
        void operator()(std::byte* memory) const;
    };

    std::size_t size_;
    std::atomic<unsigned> fills_ = 0;
    std::unique_ptr<std::byte, free_memory> content_;
    std::vector<kept_request> kept_;
};

// A lane without sessions: a thread with a real ring, residents with LUNs in memory. lun_of()
// names the LUN that attach() finds for an address.
class memory_lane final : public iscsid::lane::lane, private iscsid::lane::ring_client {
  public:
    explicit memory_lane(bool force_epoll = false);
    explicit memory_lane(std::unique_ptr<iscsid::lane::ring> io);
    ~memory_lane() override;
    memory_lane(const memory_lane&) = delete;
    memory_lane& operator=(const memory_lane&) = delete;
    memory_lane(memory_lane&&) = delete;
    memory_lane& operator=(memory_lane&&) = delete;

    void put(const iscsi::lun_field& lun, memory_lun& content);
    void post(std::function<void()> work) override; // to the lane's thread
    std::uint64_t system_calls() const;             // so far; about right while the lane works

    void attach(
        iscsid::lane::session_key key,
        const iscsi::lun_field& lun,
        const scsi::logical_unit& properties,
        iscsid::lane::lane_resident& resident
    ) override;
    void detach(iscsid::lane::lane_resident& resident, std::function<void()> gone) override;
    std::string_view ring_name() const override;

    // Not of this lane.
    void fail_requests(iscsid::lane::session_key, const iscsi::lun_field&, int) override {}

    void fail_requests_for(
        iscsid::lane::session_key, const iscsi::lun_field&, iscsid::lane::session_key, int
    ) override {}

    void retire(iscsid::lane::session_key, const iscsi::lun_field&) override {}

    void give_up_unit(iscsid::lane::session_key, const iscsi::lun_field&) override {}

    void reset_first(iscsid::lane::session_key key, const iscsi::lun_field& lun, std::string why)
        override {
        if (on_reset_first)
            on_reset_first(key, lun, why);
    }

    std::function<void(iscsid::lane::session_key, const iscsi::lun_field&, const std::string&)>
        on_reset_first;

    void ledger(
        iscsid::lane::session_key,
        const iscsi::lun_field&,
        std::function<void(std::shared_ptr<const iscsid::lane::write_ledger>)> found
    ) override {
        found(nullptr);
    }

    void forget_ledger(iscsid::lane::session_key, const iscsi::lun_field&) override {}

    void inherit(iscsid::lane::session_key, const iscsi::lun_field&) override {}

    void refresh(
        iscsid::lane::session_key,
        const iscsi::lun_field&,
        const scsi::logical_unit&,
        iscsi::instant
    ) override {}

    // What a command of a driver's own gets; without it no answer comes.
    std::function<void(const iscsi::command&, std::function<void(iscsid::lane::scsi_outcome)>)>
        on_execute;

    void adopt(iscsid::lane::session_key, iscsi::session, int, iscsid::lane::note_handler) override;
    void transport(iscsid::lane::session_key, int, iscsi::fault) override;
    void
    execute(iscsid::lane::session_key, const iscsi::command&, std::function<void(iscsid::lane::scsi_outcome)>)
        override;
    void look(iscsid::lane::session_key, std::function<void(iscsid::lane::session_view)>) override;
    void change(iscsid::lane::session_key, iscsi::session_settings) override;
    void give_up(iscsid::lane::session_key, std::function<void(std::optional<std::size_t>)>)
        override;
    void logout(iscsid::lane::session_key) override;
    void drop(iscsid::lane::session_key, std::function<void()> gone) override;

  private:
    void run();
    void ring_done(std::uint32_t operation, std::int32_t result) override;
    void wait_for_mail();

    std::unique_ptr<iscsid::lane::ring> io_;
    int bell_;
    std::uint64_t rings_ = 0;
    bool stop_ = false; // the lane's thread only
    std::mutex guard_;
    std::deque<std::function<void()>> mail_;
    std::map<iscsi::lun_field, memory_lun*> luns_;
    std::thread thread_;
};

} // namespace test
