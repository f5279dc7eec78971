"use strict";
// The video: one file with three panels, painted on canvases so that they stay in sync.

function preparePlayer() {
  const player = document.getElementById("player");
  if (!player || !data.video) return;
  const { first, count, rate, width, height } = data.video;
  const part = (id) => document.getElementById(id);
  const panels = [...player.querySelectorAll(".panels canvas")].map((canvas) => canvas.getContext("2d"));
  const split = player.querySelector(".split"), splitAt = part("split-at");
  const splitPicture = split.querySelector("canvas").getContext("2d");
  const play = part("play"), scrub = part("scrub"), loop = part("loop"), mode = part("mode"), speed = part("speed");
  const video = document.createElement("video");
  let shown = 0; // frame of the video on the canvases
  let wanted = null; // frame to seek after the current seek

  // A blob instead of a data URI: phones play it.
  const bytes = Uint8Array.from(atob(part("video-data").textContent), (letter) => letter.charCodeAt(0));
  Object.assign(video, { muted: true, playsInline: true, preload: "auto" });
  video.setAttribute("aria-hidden", "true");
  video.tabIndex = -1;
  video.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
  player.append(video);

  function paint() {
    if (video.readyState < 2) return;
    if (mode.value === "side") {
      panels.forEach((panel, at) => panel.drawImage(video, at * width, 0, width, height, 0, 0, width, height));
      return;
    }
    const left = mode.value === "split" ? 0 : width, edge = Math.round((splitAt.value / 100) * width);
    splitPicture.drawImage(video, 2 * width, 0, width, height, 0, 0, width, height);
    if (edge) splitPicture.drawImage(video, left, 0, edge, height, 0, 0, edge, height);
  }

  function say(at) {
    shown = Math.min(Math.max(at, 0), count - 1);
    scrub.value = shown;
    const frame = first + shown, state = stateText(frame);
    scrub.setAttribute("aria-valuetext", frameText(frame));
    part("frame-text").textContent = state ? `${frameText(frame)}, ${state}` : frameText(frame);
    return frame;
  }

  function seek(at) {
    say(at);
    if (video.seeking) {
      wanted = shown;
      return;
    }
    wanted = null;
    video.currentTime = (shown + 0.5) / rate; // the middle of a frame, so that rounding does not matter
  }

  function step(by) {
    video.pause();
    seek(shown + by);
    showFrame(first + shown, "player");
  }

  function toggle() {
    if (!video.paused) {
      video.pause();
      return;
    }
    if (shown >= count - 1) video.currentTime = 0;
    video.playbackRate = Number(speed.value);
    video.play().catch((error) => complain(`The video cannot be played here: ${error.message}`));
  }

  function complain(text) {
    const place = part("video-error");
    place.textContent = text;
    place.hidden = false;
  }

  function running(mediaTime) {
    paint();
    const frame = say(Math.floor(mediaTime * rate + 0.25));
    if (!video.paused) showFrame(frame, "player");
  }
  if ("requestVideoFrameCallback" in video) {
    const next = (_, meta) => {
      running(meta.mediaTime);
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  } else {
    const next = () => {
      if (!video.paused) running(video.currentTime);
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  video.addEventListener("loadeddata", () => {
    player.dataset.seconds = video.duration;
    seek(0);
  });
  video.addEventListener("seeked", () => {
    paint();
    if (wanted !== null) seek(wanted);
  });
  video.addEventListener("error", () => complain("This browser cannot play the report's video (H.264 in MP4)."));
  video.addEventListener("play", () => (play.textContent = "Pause"));
  video.addEventListener("pause", () => (play.textContent = "Play"));
  video.addEventListener("ended", () => {
    if (!loop.checked) return;
    video.currentTime = 0;
    video.play();
  });

  play.addEventListener("click", toggle);
  part("back").addEventListener("click", () => step(-1));
  part("forward").addEventListener("click", () => step(1));
  scrub.addEventListener("input", () => {
    video.pause();
    seek(Number(scrub.value));
    showFrame(first + shown, "player");
  });
  speed.addEventListener("change", () => (video.playbackRate = Number(speed.value)));
  mode.addEventListener("change", () => {
    player.dataset.mode = mode.value;
    split.querySelector(".tag.left").textContent = mode.value === "split" ? "Original" : "Synced";
    paint();
  });
  splitAt.addEventListener("input", paint);
  player.addEventListener("keydown", (event) => {
    if (event.target.matches("select, button, input[type=checkbox]")) return;
    if (event.key === " ") toggle();
    else if (event.target === splitAt) return;
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  });
  followers.push((frame, source) => {
    const at = frame - first;
    if (source !== "player" && source !== "fold" && source !== "resize" && at >= 0 && at < count && video.paused) seek(at);
  });
}

preparePlayer();
