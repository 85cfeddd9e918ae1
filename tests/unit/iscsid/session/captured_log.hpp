#pragma once

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace iscsid::session {

// What is logged as long as it lives, by all threads.
class captured_log {
  public:
    captured_log() : before_(spdlog::default_logger()) {
        spdlog::set_default_logger(std::make_shared<spdlog::logger>("captured", lines_));
    }

    ~captured_log() { spdlog::set_default_logger(before_); }

    captured_log(const captured_log&) = delete;
    captured_log& operator=(const captured_log&) = delete;

    bool has(const std::string& part) const { return count(part) > 0; }

    std::size_t count(const std::string& part) const { return lines_->count(part); }

    void clear() { lines_->clear(); }

  private:
    class sink final : public spdlog::sinks::base_sink<std::mutex> {
      public:
        std::size_t count(const std::string& part) {
            const std::scoped_lock lock(mutex_);
            return static_cast<std::size_t>(std::ranges::count_if(all_, [&](const auto& line) {
                return line.find(part) != std::string::npos;
            }));
        }

        void clear() {
            const std::scoped_lock lock(mutex_);
            all_.clear();
        }

      private:
        void sink_it_(const spdlog::details::log_msg& what) override {
            all_.emplace_back(what.payload.data(), what.payload.size());
        }

        void flush_() override {}

        std::vector<std::string> all_;
    };

    std::shared_ptr<sink> lines_ = std::make_shared<sink>();
    std::shared_ptr<spdlog::logger> before_;
};

} // namespace iscsid::session
