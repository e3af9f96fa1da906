// Bounds how much speech is in memory as samples at a time, whatever the number of threads that
// read it.
#ifndef MOBILEASR_TRAIN_READING_ROOM_H_
#define MOBILEASR_TRAIN_READING_ROOM_H_

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace masr {

class ReadingRoom {
 public:
  explicit ReadingRoom(double seconds) : seconds_(seconds), free_(seconds) {}

  // Waits until there is room for so much speech, and has it while it lives. More than the whole
  // room takes the whole. A thread has one at a time.
  class Seat {
   public:
    Seat(ReadingRoom& room, double seconds)
        : room_(room), taken_(std::min(seconds, room.seconds_)) {
      std::unique_lock lock(room_.mutex_);
      room_.left_.wait(lock, [this] { return room_.free_ >= taken_; });
      room_.free_ -= taken_;
      ++room_.readers_;
    }
    ~Seat() {
      {
        const std::lock_guard lock(room_.mutex_);
        // Exactly all of it once nobody reads: what rounding adds up to must not close the room.
        room_.free_ = --room_.readers_ == 0 ? room_.seconds_ : room_.free_ + taken_;
      }
      room_.left_.notify_all();
    }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

   private:
    ReadingRoom& room_;
    double taken_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  double seconds_;
  double free_;
  int readers_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_READING_ROOM_H_
